import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cleanEnvironment } from '../program.ts'

/** A process in a network namespace that prints one JSON value per line. */
export class JsonProcess {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #closed: Promise<unknown>
  #stderr = ''

  /** `ip netns exec` is replaced by the command, so that signals reach it. */
  constructor(namespace: string, ...command: readonly string[]) {
    this.child = spawn('ip', ['netns', 'exec', namespace, ...command], {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.#closed = once(this.child, 'close')
    if (!this.child.stdout) throw new Error('a pipe was asked for')
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]()
  }

  /** Returns the next value; nothing once the process has ended. */
  async next(): Promise<unknown> {
    const line = await this.#lines.next()
    return line.done ? undefined : (JSON.parse(line.value) as unknown)
  }

  /** Returns the next value, which must exist. */
  async expect(): Promise<unknown> {
    const value = await this.next()
    if (value === undefined) {
      await this.#closed
      throw new Error(`${this.child.spawnargs.join(' ')} ended: ${this.#stderr}`)
    }
    return value
  }

  /** Returns the rest of its output after its end. */
  async rest(): Promise<unknown[]> {
    const values: unknown[] = []
    for (let value = await this.next(); value !== undefined; value = await this.next()) {
      values.push(value)
    }
    await this.#closed
    return values
  }
}
