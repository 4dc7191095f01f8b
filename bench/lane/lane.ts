import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Tools } from '../native/tools.ts'
import { Namespace } from './namespace.ts'
import { type Host, type Path, innerMtu, namespacesOf, openPath } from './path.ts'
import type { Running, StartOptions } from './running.ts'

/** The interface at either end. */
export const DEVICE = 'lane0'

/** One end of a lane: a namespace with an interface in it, and the host of its forwarder. */
export interface End extends Host {
  readonly side: 'left' | 'right'
  readonly namespace: Namespace
  /** Addresses of the interface with their prefixes, IPv4 and IPv6. */
  readonly addresses: readonly [v4: string, v6: string]
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
const ECHO_PORT = '7'

/**
 * Two namespaces with an interface each, and the path between their forwarders:
 * `left [lane0] — forwarder — UDP over the path — forwarder — [lane0] right`.
 *
 * No namespace has a way out of the lane. Everything in it is gone once it is disposed of.
 */
export class Lane implements AsyncDisposable {
  readonly left: End
  readonly right: End
  readonly path: Path
  /** MTU of both interfaces, in bytes. */
  readonly mtu: number
  readonly #forwarders: Running[] = []

  readonly #folders: string[] = []
  readonly #spaces: readonly Namespace[]

  private constructor(
    [left, right]: readonly [End, End],
    { path, mtu, spaces }: { path: Path; mtu: number; spaces: readonly Namespace[] },
  ) {
    this.left = left
    this.right = right
    this.path = path
    this.mtu = mtu
    this.#spaces = spaces
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

  /** The processes between the interfaces; none where the kernel forwards by itself. */
  get forwarders(): readonly Running[] {
    return this.#forwarders
  }

  /** The first forwarder that has ended, if one has. */
  get lost(): Running | undefined {
    return this.#forwarders.find((forwarder) => !forwarder.isAlive)
  }

  /** Starts the forwarder of an end on its host. */
  async forward(
    { host }: End,
    command: readonly string[],
    options?: StartOptions,
  ): Promise<Running> {
    const forwarder = await host.start(command, options)
    this.#forwarders.push(forwarder)
    return forwarder
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

  /** Moves an interface from the host of a forwarder to its end, and configures it. */
  async adopt(device: string, end: End): Promise<void> {
    await this.move(device, end)
    await this.configure(end)
  }

  /** Creates a folder for files of the forwarders. It is removed with the lane. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'tun2udp-bench-'))
    this.#folders.push(folder)
    return folder
  }

  /** Moves an interface from the host of a forwarder to its end. */
  async move(device: string, { host, namespace }: End): Promise<void> {
    await host.ip(`link set dev ${device} netns ${namespace.pid} name ${DEVICE}`)
  }

  /** Gives an end's interface its MTU and addresses, and sets it up. */
  async configure({ namespace, addresses: [v4, v6] }: End): Promise<void> {
    await namespace.ip(
      `link set dev ${DEVICE} addrgenmode none`,
      `link set dev ${DEVICE} mtu ${this.mtu}`,
      `link set dev ${DEVICE} up`,
      `address add ${v4} dev ${DEVICE}`,
      `address add ${v6} dev ${DEVICE} nodad`,
    )
  }

  /** Waits until datagrams of both families come back from the right end. */
  async check(tools: Tools): Promise<void> {
    for (const family of [0, 1] as const) {
      const [near, far] = [addressOf(this.left, family), addressOf(this.right, family)]
      await using echo = await this.right.namespace.start([tools.echo, far, ECHO_PORT])
      await echo.says('ready')
      await this.left.namespace.run([tools.pingpong, near, far, ECHO_PORT, '64', '5', '1'])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = [...this.#forwarders, ...this.#spaces]
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()))
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true })))
  }
}

/** An address of an end without its prefix: 0 for IPv4, 1 for IPv6. */
export function addressOf({ addresses }: End, family: 0 | 1): string {
  return addresses[family].replace(/\/\d+$/u, '')
}
