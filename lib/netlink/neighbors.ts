import type { NativeNetlink } from '#binding'
import {
  type Fields,
  checkFields,
  checkIdentity,
  family,
  flag,
  ipAddress,
  linkRef,
  macAddress,
  named,
} from '../check/fields.ts'
import { readTable, streamTable } from './dump.ts'
import type { LinkRef } from './linkTypes.ts'
import { NEIGHBOR_STATES, type Named, PROTOCOLS } from './names.ts'
import { type OtherAttribute, otherAttributes } from './otherAttributes.ts'
import type { Operation, Pipeline } from './pipeline.ts'
import type { RouteProtocol } from './routeTypes.ts'

/** The state of a neighbor (`NUD_*`). */
export type NeighborState = Named<typeof NEIGHBOR_STATES>

/** A neighbor, as the kernel describes it. */
export interface Neighbor {
  readonly family: 4 | 6
  /** Index of its link. */
  readonly ifIndex: number
  readonly address: string
  /** Its hardware address, if it is known. */
  readonly macAddress?: string
  readonly state: NeighborState
  /** It is a router. */
  readonly router: boolean
  /** This machine answers for it (proxy ARP or NDP). */
  readonly proxy: boolean
  /** A program added it; the kernel did not learn it. */
  readonly externallyLearned: boolean
  /** Number of probes without a reply. */
  readonly probes?: number
  /** The origin of the entry. */
  readonly protocol?: RouteProtocol
  /** Attributes that this package does not interpret: `managed` of `ip neighbour`, for example. */
  readonly otherAttributes?: readonly OtherAttribute[]
}

/** The properties of a neighbor. */
export interface NeighborOptions {
  /** Hardware address: hexadecimal bytes separated by colons. */
  macAddress?: string
  /** Default: `permanent`. */
  state?: NeighborState
  /** It is a router. */
  router?: boolean
  /** This machine answers for it (proxy ARP or NDP); it then has no hardware address. */
  proxy?: boolean
  /** A program added it; the kernel did not learn it. */
  externallyLearned?: boolean
  /** The origin of the entry. */
  protocol?: RouteProtocol
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
}

/** Selects neighbors. Omitted properties match everything. */
export interface NeighborFilter {
  family?: 4 | 6
  /** Neighbors on this link. */
  link?: LinkRef
  /** Only the neighbors that this machine answers for, instead of the known ones. */
  proxy?: boolean
}

const OPTIONS: Fields = {
  macAddress,
  state: named(NEIGHBOR_STATES, 65_535),
  router: flag,
  proxy: flag,
  externallyLearned: flag,
  protocol: named(PROTOCOLS, 255),
  otherAttributes,
}

/** Neighbors and their hardware addresses: `ip neighbour`. */
export class Neighbors {
  readonly #native: NativeNetlink
  readonly #pipeline: Pipeline

  /** @internal */
  constructor(native: NativeNetlink, pipeline: Pipeline) {
    this.#native = native
    this.#pipeline = pipeline
  }

  /**
   * Returns all matching neighbors. Reads them again if they changed during the read.
   *
   * @throws {TunError} `ERR_TUN_INTERRUPTED` if they changed in every attempt.
   */
  async list(filter: NeighborFilter = {}): Promise<Neighbor[]> {
    return readTable(this.#native, query(filter))
  }

  /**
   * Returns all matching neighbors as a stream, without holding all of them in memory.
   *
   * The iterator ends with `ERR_TUN_INTERRUPTED` if the neighbors changed during the read.
   */
  stream(filter: NeighborFilter = {}): AsyncGenerator<Neighbor, void, undefined> {
    return streamTable(this.#native, query(filter))
  }

  /**
   * Adds a neighbor.
   *
   * @throws {TunError} `ERR_TUN_EXISTS` if it already exists.
   */
  async add(link: LinkRef, address: string, options: NeighborOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('addNeighbor', link, address, options))
  }

  /**
   * Adds a neighbor, or sets the properties of the existing one to exactly the given ones. To keep attributes that
   * this package does not interpret, pass `otherAttributes` as they were listed.
   */
  async replace(link: LinkRef, address: string, options: NeighborOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('replaceNeighbor', link, address, options))
  }

  /**
   * Deletes a neighbor; with `proxy`, one that this machine answers for. A property whose value is `undefined` is
   * refused.
   *
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if there is no such neighbor.
   */
  async delete(
    link: LinkRef,
    address: string,
    options: Pick<NeighborOptions, 'proxy'> = {},
  ): Promise<void> {
    await this.#pipeline.submit(operation('deleteNeighbor', link, address, options))
  }
}

function query(filter: NeighborFilter): { table: string; filter: Record<string, unknown> } {
  const fields = { family, link: linkRef, proxy: flag }
  return { table: 'neighbors', filter: checkFields('filter', filter, fields) }
}

function operation(
  op: string,
  link: LinkRef,
  address: string,
  options: NeighborOptions,
): Operation {
  const check = op === 'deleteNeighbor' ? checkIdentity : checkFields
  const checked = check('options', options, OPTIONS)
  ipAddress()('address', address)
  return { op, link: linkRef('link', link), spec: { ...checked, address } }
}
