import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Tools } from '../native/tools.ts'
import type { Namespace } from './namespace.ts'
import type { Running, StartOptions } from './running.ts'

/** The interface at each end. */
export const DEVICE = 'lane0'
const ECHO_PORT = '7'

/** An end of a tunnel: a namespace with an interface in it, and the namespace of its forwarder. */
export interface Site {
  readonly namespace: Namespace
  /** The namespace of the forwarder. */
  readonly host: Namespace
  /** Addresses of the interface with their prefixes, IPv4 and IPv6. */
  readonly addresses: readonly [v4: string, v6: string]
}

/** Namespaces and forwarders of one peer. Everything in them is gone once they are disposed of. */
export abstract class Testbed implements AsyncDisposable {
  /** MTU of all interfaces, in bytes. */
  readonly mtu: number
  readonly #forwarders: Running[] = []
  readonly #folders: string[] = []
  readonly #spaces: readonly Namespace[]

  protected constructor(mtu: number, spaces: readonly Namespace[]) {
    this.mtu = mtu
    this.#spaces = spaces
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
    { host }: Site,
    command: readonly string[],
    options?: StartOptions,
  ): Promise<Running> {
    const forwarder = await host.start(command, options)
    this.#forwarders.push(forwarder)
    return forwarder
  }

  /** Moves an interface from the host of a forwarder to its end. */
  async move(device: string, { host, namespace }: Site): Promise<void> {
    await host.ip(`link set dev ${device} netns ${namespace.pid} name ${DEVICE}`)
  }

  /** Gives an end's interface its MTU and addresses, and sets it up. */
  async configure({ namespace, addresses: [v4, v6] }: Site): Promise<void> {
    await namespace.ip(
      `link set dev ${DEVICE} addrgenmode none`,
      `link set dev ${DEVICE} mtu ${this.mtu}`,
      `link set dev ${DEVICE} up`,
      `address add ${v4} dev ${DEVICE}`,
      `address add ${v6} dev ${DEVICE} nodad`,
    )
  }

  /** Moves an interface from the host of a forwarder to its end, and configures it. */
  async adopt(device: string, end: Site): Promise<void> {
    await this.move(device, end)
    await this.configure(end)
  }

  /** Creates a folder for files of the forwarders. It is removed with the testbed. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'tun2udp-bench-'))
    this.#folders.push(folder)
    return folder
  }

  /** Waits until datagrams of both families come back from one end to another. */
  protected async checkBetween(near: Site, far: Site, tools: Tools): Promise<void> {
    for (const family of [0, 1] as const) {
      const [from, to] = [addressOf(near, family), addressOf(far, family)]
      await using echo = await far.namespace.start([tools.echo, to, ECHO_PORT])
      await echo.says('ready')
      await near.namespace.run([tools.pingpong, from, to, ECHO_PORT, '64', '5', '1'])
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = [...this.#forwarders, ...this.#spaces]
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()))
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true })))
  }
}

/** An address of an end without its prefix: 0 for IPv4, 1 for IPv6. */
export function addressOf({ addresses }: Pick<Site, 'addresses'>, family: 0 | 1): string {
  return addresses[family].replace(/\/\d+$/u, '')
}
