import type { PeerChanges, Relay, RelayOptions } from '../../../index.ts'
import { messageOf } from '../../../lib/errors.ts'
import type { Notice } from '../output.ts'
import { describeChanges } from './changes.ts'
import { type Config, readConfig } from './config.ts'

/** A relay whose options come from a configuration file. */
export interface Configured {
  readonly file: string
  /** Options of the command line, which replace those of the file. */
  readonly replaced: Partial<RelayOptions>
}

/** The result of reading the file again. */
export interface Reloaded {
  readonly file: string
  readonly changes: PeerChanges
}

type Result = Reloaded | { readonly error: unknown }

/** Reads the configuration file again for each request. Requests during a reading are done by one more reading. */
export class Reloader {
  readonly #configured: Configured
  readonly #report: (notice: Notice) => void
  #waiting: ((result: Result) => void)[] = []
  #relay: Relay | undefined
  #isWanted = false
  #isRunning = false

  constructor(configured: Configured, report: (notice: Notice) => void) {
    this.#configured = configured
    this.#report = report
  }

  /** Sets the relay, which is ready. A request during its start is done now. */
  use(relay: Relay): void {
    this.#relay = relay
    void this.#run()
  }

  /** Requests a reading. */
  request(): void {
    this.#isWanted = true
    void this.#run()
  }

  /**
   * Reads the file and changes the relay. The result is also reported.
   *
   * @throws the error, with its place in the file.
   */
  async reload(): Promise<Reloaded> {
    const done = new Promise<Result>((resolve) => this.#waiting.push(resolve))
    this.request()
    const result = await done
    if ('error' in result) throw result.error
    return result
  }

  async #run(): Promise<void> {
    if (this.#isRunning || !this.#relay) return
    this.#isRunning = true
    while (this.#isWanted) {
      this.#isWanted = false
      const waiting = this.#waiting.splice(0)
      const result = await reload(this.#relay, this.#configured)
      this.#report(noticeOf(result))
      for (const resolve of waiting) resolve(result)
    }
    this.#isRunning = false
  }
}

/** Reads the file and changes the relay. After a failure the relay stays as it is. */
async function reload(relay: Relay, { file, replaced }: Configured): Promise<Result> {
  let config: Config | undefined
  try {
    config = await readConfig(file, replaced)
    return { file, changes: await relay.reload(config.options) }
  } catch (error) {
    return { error: config ? config.locate(error) : error }
  }
}

function noticeOf(result: Result): Notice {
  if ('error' in result) {
    const reason = messageOf(result.error).replaceAll(/\s*\n\s*/gu, ' ')
    return { kind: 'reload-failed', message: `${reason}; the relay stays as it is` }
  }
  const { file, changes } = result
  return { kind: 'reload', message: `read ${file} again: ${describeChanges(changes)}` }
}
