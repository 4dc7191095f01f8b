import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { inNamespace } from '../../../index.ts'
import type { Namespace } from '../namespace.ts'
import { sendPacket } from '../netnsProgram.ts'

/** Addresses that a name can have, each with a socket that counts the datagrams. All have one port. */
export class Receivers {
  readonly port: number
  readonly #namespace: Namespace
  readonly #counts: ReadonlyMap<string, { datagrams: number }>

  constructor(
    namespace: Namespace,
    port: number,
    counts: ReadonlyMap<string, { datagrams: number }>,
  ) {
    this.#namespace = namespace
    this.port = port
    this.#counts = counts
  }

  /** Returns the number of datagrams to an address so far. */
  count(address: string): number {
    return this.#counts.get(address)?.datagrams ?? 0
  }

  /** Sends packets into the tunnel until one of them arrives at the address. */
  async untilAt(address: string): Promise<void> {
    const before = this.count(address)
    while (this.count(address) === before) await sendPacket(this.#namespace)
  }

  /** Sends a packet into the tunnel, and returns the address that it arrives at. */
  async destination(): Promise<string> {
    const before = new Map(
      [...this.#counts].map(([address, { datagrams }]) => [address, datagrams]),
    )
    await sendPacket(this.#namespace)
    for (;;) {
      for (const [address, { datagrams }] of this.#counts)
        if (datagrams > (before.get(address) ?? 0)) return address
      await sleep(10)
    }
  }
}

/** Adds addresses to a namespace, with a socket for each. Everything ends with the test. */
export async function withReceivers(
  t: ExecutionContext,
  namespace: Namespace,
  addresses: readonly string[],
): Promise<Receivers> {
  const inside = inNamespace(namespace.name)
  const sockets: Socket[] = []
  t.teardown(async () => {
    for (const socket of sockets) socket.close()
    await inside.close()
  })
  const counts = new Map<string, { datagrams: number }>()
  let port = 0
  for (const address of addresses) {
    const isV4 = isIPv4(address)
    const nodad = isV4 ? [] : ['nodad']
    await namespace.run(
      'ip',
      'address',
      'add',
      `${address}/${isV4 ? 32 : 128}`,
      'dev',
      'lo',
      ...nodad,
    )
    const count = { datagrams: 0 }
    counts.set(address, count)
    const socket = inside.createSocket(isV4 ? 'udp4' : 'udp6', () => count.datagrams++)
    sockets.push(socket)
    socket.bind(port, address)
    await once(socket, 'listening')
    port = socket.address().port
  }
  return new Receivers(namespace, port, counts)
}
