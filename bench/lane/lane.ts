import type { Tools } from '../native/tools.ts'
import { Namespace } from './namespace.ts'
import type { Running, StartOptions } from './running.ts'

/** The interface at either end. */
export const DEVICE = 'lane0'

/** One end of a lane: a namespace with an interface in it. */
export interface End {
  readonly side: 'left' | 'right'
  readonly namespace: Namespace
  /** Addresses of the interface with their prefixes, IPv4 and IPv6. */
  readonly addresses: readonly [v4: string, v6: string]
  /** UDP port of the forwarder on 127.0.0.1 of the underlay. */
  readonly port: number
  /** UDP port of the other forwarder. */
  readonly peerPort: number
}

const LEFT: Omit<End, 'namespace'> = {
  side: 'left',
  addresses: ['10.9.0.1/24', 'fd09::1/64'],
  port: 7001,
  peerPort: 7002,
}
const RIGHT: Omit<End, 'namespace'> = {
  side: 'right',
  addresses: ['10.9.0.2/24', 'fd09::2/64'],
  port: 7002,
  peerPort: 7001,
}
const ECHO_PORT = '7'

/**
 * Three namespaces, of which the middle one, the underlay, joins the forwarders of the other two:
 * `left [lane0] — forwarder — UDP on the underlay's loopback — forwarder — [lane0] right`.
 *
 * No namespace has a way out of the lane. Everything in it is gone once it is disposed of.
 */
export class Lane implements AsyncDisposable {
  readonly left: End
  readonly right: End
  readonly underlay: Namespace
  /** MTU of both interfaces, in bytes. */
  readonly mtu: number
  readonly #forwarders: Running[] = []

  private constructor(spaces: readonly [Namespace, Namespace, Namespace], mtu: number) {
    const [left, underlay, right] = spaces
    this.left = { ...LEFT, namespace: left }
    this.right = { ...RIGHT, namespace: right }
    this.underlay = underlay
    this.mtu = mtu
  }

  static async open(mtu: number): Promise<Lane> {
    const spaces: Namespace[] = []
    try {
      for (let index = 0; index < 3; index++) spaces.push(await Namespace.open())
      return new Lane(spaces as [Namespace, Namespace, Namespace], mtu)
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

  /** Starts a forwarder in the underlay. */
  async forward(command: readonly string[], options?: StartOptions): Promise<Running> {
    const forwarder = await this.underlay.start(command, options)
    this.#forwarders.push(forwarder)
    return forwarder
  }

  /**
   * Joins the ends by two forwarders that make their interfaces where they are started: each is moved
   * to its end once it is there. The names given to the commands are unique in the underlay.
   */
  async join(
    commandFor: (end: End, device: string) => readonly string[],
    options?: StartOptions,
  ): Promise<void> {
    for (const end of this.ends) {
      const device = `lane-${end.side}`
      const forwarder = await this.forward(commandFor(end, device), options)
      await forwarder.until(() => this.underlay.has(device), `make the interface ${device}`)
      await this.move(device, end)
      await this.configure(end)
    }
  }

  /** Moves an interface of the underlay to an end. */
  async move(device: string, { namespace }: End): Promise<void> {
    await this.underlay.ip(`link set dev ${device} netns ${namespace.pid} name ${DEVICE}`)
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
    const parts = [
      ...this.#forwarders,
      ...this.ends.map(({ namespace }) => namespace),
      this.underlay,
    ]
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()))
  }
}

/** An address of an end without its prefix: 0 for IPv4, 1 for IPv6. */
export function addressOf({ addresses }: End, family: 0 | 1): string {
  return addresses[family].replace(/\/\d+$/u, '')
}
