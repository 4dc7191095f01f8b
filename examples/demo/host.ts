import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The requests to a host, with their arguments. Each result is a number. */
export interface Requests {
  /** Accepts one TCP connection and counts its bytes; returns the port. */
  listen: { address: string }
  /** Returns the bytes counted so far. */
  received: undefined
  /** Sends bytes over TCP for a while; returns the number passed to the kernel. */
  send: { address: string; port: number; seconds: number }
  /** Sends each datagram back to its sender; returns the port. */
  echo: { address: string }
  /** Measures round trips to an echo; returns their median in microseconds. */
  ping: { address: string; port: number; count: number }
}

/** One message to a host. */
export type Request = {
  [Name in keyof Requests]: { id: number; name: Name; details: Requests[Name] }
}[keyof Requests]

/** A host's answer. */
export interface Answer {
  id: number
  value?: number
  error?: string
}

/** A process in a network namespace of its own, which lives as long as the process does. */
export class Host implements AsyncDisposable {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #nextId = 0

  private constructor(child: ChildProcess, pid: number) {
    this.#child = child
    this.pid = pid
    child.on('message', (answer) => this.#waiting.get((answer as Answer).id)?.(answer as Answer))
  }

  /** Starts the process, and waits until it reports that it is ready. */
  static async start(): Promise<Host> {
    const program = fileURLToPath(new URL(import.meta.resolve('./traffic.ts')))
    const command = ['--net', '--', process.execPath, ...process.execArgv, program]
    const child = spawn('unshare', command, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const failed = once(child, 'exit').then(() => {
      throw new Error(
        'a host did not start: unshare of util-linux must be allowed to make namespaces',
      )
    })
    await Promise.race([once(child, 'message'), failed])
    failed.catch(() => undefined)
    if (child.pid === undefined) throw new Error('a host did not start')
    return new Host(child, child.pid)
  }

  /** Asks for something and waits for the answer. */
  async ask<Name extends keyof Requests>(
    name: Name,
    ...[details]: Requests[Name] extends undefined ? [] : [Requests[Name]]
  ): Promise<number> {
    const id = this.#nextId++
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve)
      this.#child.send({ id, name, details })
    })
    this.#waiting.delete(id)
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.value ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
  }
}
