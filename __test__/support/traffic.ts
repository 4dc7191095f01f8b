import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { Namespace } from './namespace.ts'

const SCRIPT = fileURLToPath(new URL('traffic.mjs', import.meta.url))

/** A line of output of a command of `traffic.mjs`. */
export interface TrafficMessage {
  port?: number
  bytes?: number
  sha256?: string
  echoed?: number
  hex?: string
}

/** A process in a namespace that creates traffic and ends with the test. */
export class Traffic {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  #stderr = ''

  constructor(t: ExecutionContext, namespace: Namespace, ...command: readonly string[]) {
    const file = ['netns', 'exec', namespace.name, process.execPath, SCRIPT, ...command]
    const child = spawn('ip', file, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.#child = child
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    t.teardown(() => this.end())
  }

  /** Returns the next line of its output. */
  async next(): Promise<TrafficMessage> {
    const line = await this.#lines.next()
    if (line.done) throw new Error(`traffic ended without a word: ${this.#stderr}`)
    return JSON.parse(line.value) as TrafficMessage
  }

  /** Returns the port that it reports. */
  async port(): Promise<string> {
    return String((await this.next()).port)
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }
}
