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
  /** Attributes that this package does not interpret: `managed` of `ip neighbour`, for example. */
  readonly otherAttributes?: readonly OtherAttribute[]
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
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
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
  otherAttributes,
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

  /**
   * Adds a neighbor, or gives the existing one the given properties and no others. To keep what this
   * package does not interpret, give `otherAttributes` as they were listed.
   */
  async replace(link: LinkRef, address: string, options: NeighborOptions = {}): Promise<void> {
    await this.#pipeline.submit(operation('replaceNeighbor', link, address, options))
  }

  /**
   * Deletes a neighbor, or with `proxy` one that this machine answers for. A property whose value is
   * `undefined` is refused.
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
  const check = op === 'deleteNeighbor' ? checkIdentity : checkFields
  const checked = check('options', options, OPTIONS)
  ipAddress()('address', address)
  return { op, link: linkRef('link', link), spec: { ...checked, address } }
}
