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

/** The origin of an address. */
export type AddressProtocol = Named<typeof ADDRESS_PROTOCOLS>

/** An address of a link, as the kernel describes it. */
export interface Address {
  /** Index of its link. */
  readonly ifIndex: number
  readonly family: 4 | 6
  /** The local address, without a prefix. */
  readonly address: string
  /** Length of the prefix in bits; with a peer, that of the peer's network. */
  readonly prefixLength: number
  /** The address of the other end of a point-to-point link. */
  readonly peer?: string
  /** Broadcast address; IPv4 only. */
  readonly broadcast?: string
  /** Label; IPv4 only. */
  readonly label?: string
  readonly scope: Scope
  /** Valid lifetime from now on, seconds. */
  readonly validLifetimeSeconds: number | 'forever'
  /** Preferred lifetime from now on, seconds. */
  readonly preferredLifetimeSeconds: number | 'forever'
  /** Metric of the route to its network. */
  readonly metric?: number
  readonly protocol?: AddressProtocol
  /** IPv4: not the first address of its network on the link. IPv6: temporary (RFC 8981). */
  readonly secondary: boolean
  /** Used without duplicate address detection. */
  readonly noDad: boolean
  /** Used while duplicate address detection runs (RFC 4429). */
  readonly optimistic: boolean
  /** Duplicate address detected. */
  readonly dadFailed: boolean
  /** A home address (RFC 6275). */
  readonly homeAddress: boolean
  /** Its preferred lifetime is over: new connections do not use it. */
  readonly deprecated: boolean
  /** Duplicate address detection is running. */
  readonly tentative: boolean
  /** It does not expire. */
  readonly permanent: boolean
  /** The kernel creates temporary addresses from it. */
  readonly manageTemporary: boolean
  /** Added without a route to its network. */
  readonly noPrefixRoute: boolean
  /** The link has joined this multicast group. */
  readonly autoJoin: boolean
  /** Generated from a secret (RFC 7217). */
  readonly stablePrivacy: boolean
  /** Attributes that this package does not interpret. */
  readonly otherAttributes?: readonly OtherAttribute[]
}

/** The properties of an address. Omitted properties default as in `ip address`. */
export interface AddressOptions {
  /** The address of the other end of a point-to-point link; the prefix is then that of its network. */
  peer?: string
  /** Broadcast address; IPv4 only. `auto`: the last address of the network. */
  broadcast?: string
  /** Label; IPv4 only: the name of the link, optionally followed by `:` and more text, at most 15 bytes. */
  label?: string
  /** Default: `host` for an IPv4 loopback address, otherwise `global`. */
  scope?: Scope
  /** Valid lifetime from now on, seconds. Default: `forever`. */
  validLifetimeSeconds?: number | 'forever'
  /** Preferred lifetime from now on, seconds, at most the valid lifetime. Default: the valid lifetime. */
  preferredLifetimeSeconds?: number | 'forever'
  /** Metric of the route to its network. */
  metric?: number
  /** The origin of the address. */
  protocol?: AddressProtocol
  /** Skips duplicate address detection; IPv6 only. */
  noDad?: boolean
  /** Uses the address while duplicate address detection runs; IPv6 only. */
  optimistic?: boolean
  /** A home address (RFC 6275); IPv6 only. */
  homeAddress?: boolean
  /** The kernel creates temporary addresses from it; IPv6 only. */
  manageTemporary?: boolean
  /** Adds no route to its network. */
  noPrefixRoute?: boolean
  /** The link joins this multicast group. */
  autoJoin?: boolean
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
}

/** Selects addresses. Omitted properties match everything. */
export interface AddressFilter {
  /** Addresses of this link. */
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

  /**
   * Returns all matching addresses. Reads them again if they changed during the read.
   *
   * @throws {TunError} `ERR_TUN_INTERRUPTED` if they changed in every attempt.
   */
  async list(filter: AddressFilter = {}): Promise<Address[]> {
    return readTable(this.#native, query(filter))
  }

  /**
   * Returns all matching addresses as a stream, without holding all of them in memory.
   *
   * The iterator ends with `ERR_TUN_INTERRUPTED` if the addresses changed during the read.
   */
  stream(filter: AddressFilter = {}): AsyncGenerator<Address, void, undefined> {
    return streamTable(this.#native, query(filter))
  }

  /**
   * Adds `ADDRESS/PREFIX`. Without a prefix, the network is that address only.
   *
   * @throws {TunError} `ERR_TUN_EXISTS` if the link already has it.
   */
  async add(link: LinkRef, address: string, options: AddressOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('addAddress', link, address, options))
  }

  /**
   * Adds many addresses to a link, in their order. If some fail, the others are still added.
   *
   * @throws {TunError} the error of the first address that failed.
   */
  async addMany(
    link: LinkRef,
    addresses: readonly string[],
    options: AddressOptions = {},
  ): Promise<void> {
    // All are checked before the first is added.
    const given = checkMany('addresses', addresses) as string[]
    const operations = given.map((address) => operation('addAddress', link, address, options))
    await this.#pipeline.submitAll(operations)
  }

  /** Adds an address, or sets the properties of the existing one to exactly the given ones. */
  async replace(link: LinkRef, address: string, options: AddressOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('replaceAddress', link, address, options))
  }

  /**
   * Deletes an address, which is identified by its link, prefix length and peer. A property whose value is
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
   * Deletes all addresses of a link, or those of one family. Returns the deleted addresses. A property whose value
   * is `undefined` is refused.
   */
  async flush(link: LinkRef, options: { family?: 4 | 6 } = {}): Promise<Address[]> {
    const filter = checkIdentity('options', options, { family }) as AddressFilter
    const addresses = await this.list({ ...filter, link: linkRef('link', link) as LinkRef })
    // Last first: deleting a primary address can also delete its secondary ones, unless the kernel promotes one.
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
