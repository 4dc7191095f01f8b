import type { Tools } from '../native/tools.ts'
import { Namespace } from './namespace.ts'
import { type Host, type Path, innerMtu, namespacesOf, openPath } from './path.ts'
import type { StartOptions } from './running.ts'
import { type Site, Testbed } from './testbed.ts'

/** One end of a lane: a namespace with an interface in it, and the host of its forwarder. */
export interface End extends Host, Site {
  readonly side: 'left' | 'right'
  /** UDP port of the forwarder on its host. */
  readonly port: number
  /** UDP port of the other forwarder. */
  readonly peerPort: number
}

type Fixed = Omit<End, 'namespace' | keyof Host>

const LEFT: Fixed = {
  side: 'left',
  addresses: ['10.9.0.1/24', 'fd09::1/64'],
  port: 7001,
  peerPort: 7002,
}
const RIGHT: Fixed = {
  side: 'right',
  addresses: ['10.9.0.2/24', 'fd09::2/64'],
  port: 7002,
  peerPort: 7001,
}

/**
 * Two namespaces with an interface each, and the path between their forwarders:
 * `left [lane0] — forwarder — UDP over the path — forwarder — [lane0] right`.
 *
 * No namespace has a way out of the lane.
 */
export class Lane extends Testbed {
  readonly left: End
  readonly right: End
  readonly path: Path

  private constructor(
    [left, right]: readonly [End, End],
    { path, mtu, spaces }: { path: Path; mtu: number; spaces: readonly Namespace[] },
  ) {
    super(mtu, spaces)
    this.left = left
    this.right = right
    this.path = path
  }

  /** Opens a lane. With `loopback`, `mtu` is that of the interfaces; with `routed`, that of the links of the path. */
  static async open(mtu: number, path: Path = 'loopback'): Promise<Lane> {
    const spaces: Namespace[] = []
    try {
      const [left, right] = [await Namespace.open(), await Namespace.open()]
      spaces.push(left, right)
      const hosts: Namespace[] = []
      for (let index = 0; index < namespacesOf(path); index++) {
        hosts.push(await Namespace.open())
        spaces.push(...hosts.slice(-1))
      }
      const [near, far] = await openPath(path, mtu, hosts)
      const ends = [
        { ...LEFT, ...near, namespace: left },
        { ...RIGHT, ...far, namespace: right },
      ] as const
      return new Lane(ends, { path, mtu: innerMtu(path, mtu), spaces })
    } catch (error) {
      await Promise.all(spaces.map((space) => space[Symbol.asyncDispose]()))
      throw error
    }
  }

  get ends(): readonly [End, End] {
    return [this.left, this.right]
  }

  /**
   * Joins the ends by two forwarders that make their interfaces where they are started: each is moved
   * to its end once it is there. The names given to the commands are unique on their host.
   */
  async join(
    commandFor: (end: End, device: string) => readonly string[],
    options?: StartOptions,
  ): Promise<void> {
    for (const end of this.ends) {
      const device = `lane-${end.side}`
      const forwarder = await this.forward(end, commandFor(end, device), options)
      await forwarder.until(() => end.host.has(device), `make the interface ${device}`)
      await this.adopt(device, end)
    }
  }

  /** Waits until datagrams of both families come back from the right end. */
  async check(tools: Tools): Promise<void> {
    await this.checkBetween(this.left, this.right, tools)
  }
}
