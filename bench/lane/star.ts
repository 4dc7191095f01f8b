import type { Tools } from '../native/tools.ts'
import { Namespace } from './namespace.ts'
import { type Site, Testbed } from './testbed.ts'

/** Number of spokes. */
const SPOKES = 8
const FIRST_PORT = 7001

/** The hub or a spoke of a star. */
export interface Spoke extends Site {
  /** `hub`, or `spoke` and a number. It is unique in the star. */
  readonly name: string
  /** UDP port of its forwarder, on 127.0.0.1. */
  readonly port: number
}

/** A hub and eight spokes. All forwarders are in one further namespace, and their datagrams pass over its loopback. */
export class Star extends Testbed {
  readonly hub: Spoke
  readonly spokes: readonly Spoke[]

  private constructor(
    hub: Spoke,
    spokes: readonly Spoke[],
    mtu: number,
    spaces: readonly Namespace[],
  ) {
    super(mtu, spaces)
    this.hub = hub
    this.spokes = spokes
  }

  /** Opens a star. `mtu` is that of all interfaces. */
  static async open(mtu: number): Promise<Star> {
    const spaces: Namespace[] = []
    try {
      for (let index = 0; index < SPOKES + 2; index++) spaces.push(await Namespace.open())
      const [host, ...ends] = spaces
      if (!host) throw new Error('a star needs a host')
      const [hub, ...spokes] = ends.map((namespace, index) => spokeAt(index, namespace, host))
      if (!hub) throw new Error('a star needs a hub')
      return new Star(hub, spokes, mtu, spaces)
    } catch (error) {
      await Promise.all(spaces.map((space) => space[Symbol.asyncDispose]()))
      throw error
    }
  }

  /** The hub, and then the spokes. */
  get ends(): readonly Spoke[] {
    return [this.hub, ...this.spokes]
  }

  /** Waits until datagrams of both families come back from each spoke to the hub. */
  async check(tools: Tools): Promise<void> {
    for (const spoke of this.spokes) await this.checkBetween(this.hub, spoke, tools)
  }
}

function spokeAt(index: number, namespace: Namespace, host: Namespace): Spoke {
  const name = index === 0 ? 'hub' : `spoke${index}`
  const addresses = [`10.9.0.${index + 1}/24`, `fd09::${index + 1}/64`] as const
  return { name, namespace, host, addresses, port: FIRST_PORT + index }
}
