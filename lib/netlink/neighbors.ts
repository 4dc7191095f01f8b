import type { NativeNetlink } from '#binding'
import {
  type Fields,
  checkFields,
  family,
  flag,
  ipAddress,
  linkRef,
  macAddress,
  named,
} from './check.ts'
import { readTable, streamTable } from './dump.ts'
import type { LinkRef } from './linkTypes.ts'
import { NEIGHBOR_STATES, type Named, PROTOCOLS } from './names.ts'
import type { Operation, Pipeline } from './pipeline.ts'
import type { RouteProtocol } from './routeTypes.ts'

/** What is known of a neighbor (`NUD_*`). */
export type NeighborState = Named<typeof NEIGHBOR_STATES>

/** A neighbor, as the kernel describes it. */
export interface Neighbor {
  readonly family: 4 | 6
  /** Index of the link that it is on. */
  readonly ifIndex: number
  readonly address: string
  /** Its hardware address, if it is known. */
  readonly macAddress?: string
  readonly state: NeighborState
  /** It is a router. */
  readonly router: boolean
  /** This machine answers for it. */
  readonly proxy: boolean
  /** A program learnt it, not the kernel. */
  readonly externallyLearned: boolean
  /** How often it was asked for in vain. */
  readonly probes?: number
  /** Who made it. */
  readonly protocol?: RouteProtocol
}

/** What a neighbor is to have. */
export interface NeighborOptions {
  /** Bytes in hexadecimal, parted by colons. */
  macAddress?: string
  /** Default: `permanent`. */
  state?: NeighborState
  /** It is a router. */
  router?: boolean
  /** This machine answers for it; it then has no hardware address. */
  proxy?: boolean
  /** A program learnt it, not the kernel. */
  externallyLearned?: boolean
  /** Who makes it. */
  protocol?: RouteProtocol
}

/** Which neighbors; what is absent does not matter. */
export interface NeighborFilter {
  family?: 4 | 6
  /** Those on a link. */
  link?: LinkRef
  /** Those that this machine answers for, rather than those that it knows. */
  proxy?: boolean
}

const OPTIONS: Fields = {
  macAddress,
  state: named(NEIGHBOR_STATES, 65_535),
  router: flag,
  proxy: flag,
  externallyLearned: flag,
  protocol: named(PROTOCOLS, 255),
}

/** Neighbors, and what is known of their hardware addresses: `ip neighbour`. */
export class Neighbors {
  readonly #native: NativeNetlink
  readonly #pipeline: Pipeline

  /** @internal */
  constructor(native: NativeNetlink, pipeline: Pipeline) {
    this.#native = native
    this.#pipeline = pipeline
  }

  /** All neighbors that fit; read again if they changed meanwhile. */
  async list(filter: NeighborFilter = {}): Promise<Neighbor[]> {
    return readTable(this.#native, query(filter))
  }

  /** The same bit by bit; it ends with `ERR_TUN_INTERRUPTED` if the neighbors changed meanwhile. */
  stream(filter: NeighborFilter = {}): AsyncGenerator<Neighbor, void, undefined> {
    return streamTable(this.#native, query(filter))
  }

  /**
   * Adds a neighbor.
   *
   * @throws {TunError} `ERR_TUN_EXISTS` if it is known already.
   */
  async add(link: LinkRef, address: string, options: NeighborOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('addNeighbor', link, address, options))
  }

  /** Adds a neighbor, or changes the one that is there. */
  async replace(link: LinkRef, address: string, options: NeighborOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('replaceNeighbor', link, address, options))
  }

  /**
   * Removes a neighbor, or with `proxy` one that this machine answers for.
   *
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if there is none.
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
  const checked = checkFields('options', options, OPTIONS)
  ipAddress()('address', address)
  return { op, link: linkRef('link', link), spec: { ...checked, address } }
}
