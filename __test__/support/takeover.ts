import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import {
  type Namespace,
  type NamespaceServer,
  type RelayOptions,
  inNamespace,
  startRelay,
} from '../../index.ts'
import { temporaryFolder } from './folder.ts'
import { withNamespace } from './namespace.ts'
import { freeUdpPort } from './ports.ts'
import { type Running, startProgram } from './program.ts'

/** The interface of the near end. */
export const NAME = 'vpn0'
export const READY = /ready/u

/** A tunnel whose near end is a program that others take over; the far end is a relay of this process. */
export class TakeoverTunnel {
  readonly control: string
  readonly near: Namespace
  readonly far: Namespace
  /** The arguments of the program for the near end. */
  readonly args: readonly string[]

  private constructor(ends: [Namespace, Namespace], control: string, args: readonly string[]) {
    ;[this.near, this.far] = ends
    this.control = control
    this.args = args
  }

  /** @param more further options of the far end. */
  static async open(
    t: ExecutionContext,
    more: Partial<RelayOptions> = {},
  ): Promise<TakeoverTunnel> {
    const [near, far] = [await withNamespace(t), await withNamespace(t)]
    const [nearPort, farPort] = [await freeUdpPort(), await freeUdpPort()]
    const relay = await startRelay({
      addresses: ['10.9.0.2/24'],
      sendPort: nearPort,
      receivePort: farPort,
      netns: far.name,
      ...more,
    })
    t.teardown(async () => relay.close())
    const control = join(temporaryFolder(t), 'control')
    const ends = ['10.9.0.1/24', String(farPort), String(nearPort)]
    const args = [...ends, '--netns', near.name, '--name', NAME, '--control', control]
    const spaces: [Namespace, Namespace] = [inNamespace(near.name), inNamespace(far.name)]
    t.teardown(async () => Promise.all(spaces.map(async (one) => one.close())))
    return new TakeoverTunnel(spaces, control, args)
  }

  /** Starts a program for the near end, which ends with the test. */
  start(t: ExecutionContext, ...more: readonly string[]): Running {
    return this.startWith(t, [...this.args, ...more])
  }

  /** Starts a program with these arguments only, which ends with the test. */
  startWith(
    t: ExecutionContext,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Running {
    const program = startProgram(args, { env, timeoutMs: 600_000 })
    t.teardown(async () => {
      if (isRunning(program)) await program.end('SIGKILL')
    })
    return program
  }

  /** Returns what `ip` prints about the interface; empty if there is none. */
  async describe(): Promise<string> {
    const args = ['-details', 'address', 'show', 'dev', NAME]
    const { code, stdout } = await this.#run('ip', args)
    return code === 0 ? stdout : ''
  }

  /** Returns index and number of carrier changes of the interface. */
  async identity(): Promise<string> {
    const netlink = await this.near.openNetlink()
    try {
      const { ifIndex, carrierChanges } = await netlink.links.get(NAME)
      return `${ifIndex} ${carrierChanges}`
    } finally {
      await netlink.close()
    }
  }

  /** Returns whether a packet comes back from the far end. */
  async isWorking(): Promise<boolean> {
    const { stdout } = await this.#run('ping', ['-c', '1', '-W', '1', '-q', '10.9.0.2'])
    return stdout.includes(' 1 received')
  }

  async #run(file: string, args: readonly string[]): Promise<{ code: number; stdout: string }> {
    try {
      return { code: 0, stdout: (await this.near.run(file, args)).stdout }
    } catch (error) {
      const { code = -1, stdout = '' } = error as { code?: number; stdout?: string }
      return { code, stdout }
    }
  }
}

/** Returns whether a program has not ended. */
export function isRunning({ child }: Running): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** Numbered bytes through the tunnel over one TCP connection; they must arrive in order and unchanged. */
export class Stream {
  /** Bytes that have arrived. */
  arrived = 0
  /** The reason why the stream has ended, if it has. */
  failure: string | undefined
  #isEnded = false
  readonly #socket: Socket
  readonly #accepted = new Set<Socket>()
  readonly #server: NamespaceServer

  constructor(near: Namespace, far: Namespace) {
    this.#server = far.listen({ host: '0.0.0.0', port: 0 }, (socket) => {
      this.#accepted.add(socket)
      let expected = 0
      socket
        .on('error', () => undefined)
        .on('data', (chunk: Buffer) => {
          for (const byte of chunk) {
            if (byte !== expected % 251) this.failure ??= `byte ${expected} is wrong`
            expected++
          }
          this.arrived = expected
        })
    })
    const { port } = this.#server.address() as { port: number }
    this.#socket = near.connect({ host: '10.9.0.2', port })
    this.#socket.on('error', (error) => (this.failure ??= error.message))
    this.#socket.once('connect', () => void this.#send())
  }

  end(): void {
    this.#isEnded = true
    this.#socket.destroy()
    for (const socket of this.#accepted) socket.destroy()
    this.#server.close()
  }

  async #send(): Promise<void> {
    const block = Buffer.from(Array.from({ length: 251 * 16 }, (_, index) => index % 251))
    while (!this.#isEnded && !this.#socket.destroyed) {
      if (this.#socket.write(block)) await delay(1)
      else
        await new Promise((resolve) => this.#socket.once('drain', resolve).once('close', resolve))
    }
  }
}

/** Random numbers from 0 to 1 that a seed repeats (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}
