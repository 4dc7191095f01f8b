import type { NativeNetlink } from '#binding'
import ipaddr from 'ipaddr.js'
import {
  type Check,
  type Fields,
  checkFields,
  checkIdentity,
  family,
  flag,
  ipAddress,
  linkRef,
  named,
  text,
  u32,
} from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'
import { formatAddress, parseAddress, rangeOf } from '../check/address.ts'
import { checkMany } from '../check/list.ts'
import type { Named } from './names.ts'
import { ADDRESS_PROTOCOLS, SCOPES } from './names.ts'
import { type OtherAttribute, otherAttributes } from './otherAttributes.ts'
import type { Operation, Pipeline } from './pipeline.ts'
import { readTable, streamTable } from './dump.ts'
import type { LinkRef } from './linkTypes.ts'

/** How far an address or route reaches, by its name in ip(8) or by its number. */
export type Scope = Named<typeof SCOPES>

/** Who made an address. */
export type AddressProtocol = Named<typeof ADDRESS_PROTOCOLS>

/** An address of a link, as the kernel describes it. */
export interface Address {
  /** Index of its link. */
  readonly ifIndex: number
  readonly family: 4 | 6
  /** The address of this end, alone. */
  readonly address: string
  /** Bits of the network part; with a peer of the peer's network. */
  readonly prefixLength: number
  /** The other end of a point-to-point link. */
  readonly peer?: string
  /** Of IPv4. */
  readonly broadcast?: string
  /** Of IPv4. */
  readonly label?: string
  readonly scope: Scope
  /** From now on. */
  readonly validLifetimeSeconds: number | 'forever'
  /** From now on. */
  readonly preferredLifetimeSeconds: number | 'forever'
  /** Metric of the route to its network. */
  readonly metric?: number
  readonly protocol?: AddressProtocol
  /** Not the first of its network on the link; of IPv6: temporary (RFC 8981). */
  readonly secondary: boolean
  /** Used without looking for a duplicate. */
  readonly noDad: boolean
  /** Used while it is looked for a duplicate (RFC 4429). */
  readonly optimistic: boolean
  /** Another has it. */
  readonly dadFailed: boolean
  /** A home address (RFC 6275). */
  readonly homeAddress: boolean
  /** Not to be used for anything new. */
  readonly deprecated: boolean
  /** It is being looked for a duplicate. */
  readonly tentative: boolean
  /** It does not end by itself. */
  readonly permanent: boolean
  /** Temporary addresses are made after it. */
  readonly manageTemporary: boolean
  /** No route to its network came with it. */
  readonly noPrefixRoute: boolean
  /** Its link joins the multicast group that it is. */
  readonly autoJoin: boolean
  /** Made from a secret (RFC 7217). */
  readonly stablePrivacy: boolean
  /** Attributes that this package does not interpret. */
  readonly otherAttributes?: readonly OtherAttribute[]
}

/** What an address is to have; what is absent is as `ip address` has it. */
export interface AddressOptions {
  /** The other end of a point-to-point link; the prefix is then that of its network. */
  peer?: string
  /** Broadcast address of IPv4; `auto`: the last of the network. */
  broadcast?: string
  /** Of IPv4: the name of the link, perhaps with `:` and more behind it, at most 15 bytes. */
  label?: string
  /** Default: `host` for a loopback address of IPv4, else `global`. */
  scope?: Scope
  /** From now on. Default: `forever`. */
  validLifetimeSeconds?: number | 'forever'
  /** From now on, not above the valid lifetime. Default: the valid lifetime. */
  preferredLifetimeSeconds?: number | 'forever'
  /** Metric of the route to its network. */
  metric?: number
  /** Who makes it. */
  protocol?: AddressProtocol
  /** Use it without looking for a duplicate; of IPv6. */
  noDad?: boolean
  /** Use it while it is looked for a duplicate; of IPv6. */
  optimistic?: boolean
  /** A home address; of IPv6. */
  homeAddress?: boolean
  /** Make temporary addresses after it; of IPv6. */
  manageTemporary?: boolean
  /** Make no route to its network. */
  noPrefixRoute?: boolean
  /** Have the link join the multicast group that it is. */
  autoJoin?: boolean
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
}

/** Which addresses; what is absent does not matter. */
export interface AddressFilter {
  /** Those of a link. */
  link?: LinkRef
  family?: 4 | 6
}

const lifetime: Check = (what, value) => {
  if (value === 'forever') return value
  if (Number.isInteger(value) && (value as number) >= 0) return u32(what, value)
  throw invalidArgument(what, value, 'whole seconds, or "forever"')
}

const broadcast: Check = (what, value) => (value === 'auto' ? value : ipAddress(4)(what, value))

const OPTIONS: Fields = {
  peer: ipAddress(),
  broadcast,
  label: text(1, 15),
  scope: named(SCOPES, 255),
  validLifetimeSeconds: lifetime,
  preferredLifetimeSeconds: lifetime,
  metric: u32,
  protocol: named(ADDRESS_PROTOCOLS, 255),
  noDad: flag,
  optimistic: flag,
  homeAddress: flag,
  manageTemporary: flag,
  noPrefixRoute: flag,
  autoJoin: flag,
  otherAttributes,
}

const FILTER: Fields = { link: linkRef, family }

/** Addresses of links: `ip address`. */
export class Addresses {
  readonly #native: NativeNetlink
  readonly #pipeline: Pipeline

  /** @internal */
  constructor(native: NativeNetlink, pipeline: Pipeline) {
    this.#native = native
    this.#pipeline = pipeline
  }

  /** All addresses that fit; read again if they changed meanwhile. */
  async list(filter: AddressFilter = {}): Promise<Address[]> {
    return readTable(this.#native, query(filter))
  }

  /** The same bit by bit; it ends with `ERR_TUN_INTERRUPTED` if the addresses changed meanwhile. */
  stream(filter: AddressFilter = {}): AsyncGenerator<Address, void, undefined> {
    return streamTable(this.#native, query(filter))
  }

  /**
   * Adds `ADDRESS/PREFIX`; without a prefix it is the host alone.
   *
   * @throws {TunError} `ERR_TUN_EXISTS` if the link has it already.
   */
  async add(link: LinkRef, address: string, options: AddressOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('addAddress', link, address, options))
  }

  /** Adds many addresses to a link, in their order; if some fail, the others are added all the same. */
  async addMany(
    link: LinkRef,
    addresses: readonly string[],
    options: AddressOptions = {},
  ): Promise<void> {
    // All are checked before the first is made.
    const given = checkMany('addresses', addresses) as string[]
    const operations = given.map((address) => operation('addAddress', link, address, options))
    await this.#pipeline.submitAll(operations)
  }

  /** Adds an address, or gives the existing one the given properties and no others. */
  async replace(link: LinkRef, address: string, options: AddressOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('replaceAddress', link, address, options))
  }

  /**
   * Deletes an address, which its link, prefix length and peer identify. A property whose value is
   * `undefined` is refused.
   *
   * @throws {TunError} `ERR_TUN_ADDRESS_NOT_AVAILABLE` if the link does not have it, or not with that peer.
   */
  async delete(
    link: LinkRef,
    address: string,
    options: Pick<AddressOptions, 'peer' | 'label'> = {},
  ): Promise<void> {
    await this.#pipeline.submit(operation('deleteAddress', link, address, options))
  }

  /**
   * Deletes all addresses of a link, or those of a family; returns the deleted addresses. A property
   * whose value is `undefined` is refused.
   */
  async flush(link: LinkRef, options: { family?: 4 | 6 } = {}): Promise<Address[]> {
    const filter = checkIdentity('options', options, { family }) as AddressFilter
    const addresses = await this.list({ ...filter, link: linkRef('link', link) as LinkRef })
    // A secondary address may have gone with its primary one, unless it was promoted: last first.
    const operations = addresses.toReversed().map(({ ifIndex, address, prefixLength, peer }) => {
      const spec = {
        address: `${address}/${prefixLength}`,
        ...(peer === undefined ? {} : { peer }),
      }
      return { op: 'deleteAddress', link: ifIndex, spec }
    })
    await this.#pipeline.submitAll(operations)
    return addresses
  }
}

function query(filter: AddressFilter): { table: string; filter: Record<string, unknown> } {
  return { table: 'addresses', filter: checkFields('filter', filter, FILTER) }
}

function operation(op: string, link: LinkRef, address: string, options: AddressOptions): Operation {
  const parsed = parseAddress(address)
  const cidr = formatAddress(parsed)
  const check = op === 'deleteAddress' ? checkIdentity : checkFields
  const checked = check('options', options, OPTIONS)
  if (parsed.family === 6) {
    for (const name of ['broadcast', 'label']) {
      if (name in checked) throw invalidArgument(name, checked[name], 'none for an IPv6 address')
    }
  }
  checkPeer(parsed.family, checked['peer'])
  if (checked['broadcast'] === 'auto') {
    checked['broadcast'] = ipaddr.IPv4.broadcastAddressFromCIDR(cidr).toString()
  }
  return { op, link: linkRef('link', link), spec: { ...checked, address: cidr } }
}

function checkPeer(version: 4 | 6, peer: unknown): void {
  if (peer === undefined) return
  ipAddress(version)('peer', peer)
  if (rangeOf(peer as string) === 'unspecified') throw invalidArgument('peer', peer, 'an address')
}
