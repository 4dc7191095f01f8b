import type { PeerChanges, Relay, RelayOptions } from '../../../index.ts'
import { messageOf } from '../../../lib/errors.ts'
import type { Notice } from '../output.ts'
import { type Config, readConfig } from './config.ts'

/** A relay whose options come from a configuration file. */
export interface Configured {
  readonly file: string
  /** Options of the command line, which replace those of the file. */
  readonly replaced: Partial<RelayOptions>
}

/** The names of peers that a notice lists for each kind of change. */
const NAMES_MAX = 10

/** Reads the configuration file again for each request. Requests during a reading are done by one more reading. */
export class Reloader {
  readonly #configured: Configured
  readonly #report: (notice: Notice) => void
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

  async #run(): Promise<void> {
    if (this.#isRunning || !this.#relay) return
    this.#isRunning = true
    while (this.#isWanted) {
      this.#isWanted = false
      this.#report(await reload(this.#relay, this.#configured))
    }
    this.#isRunning = false
  }
}

/** Reads the file and changes the relay. A failure is reported, and the relay stays as it is. */
async function reload(relay: Relay, { file, replaced }: Configured): Promise<Notice> {
  let config: Config | undefined
  try {
    config = await readConfig(file, replaced)
    return { kind: 'reload', message: describe(file, await relay.reload(config.options)) }
  } catch (error) {
    const reason = messageOf(config ? config.locate(error) : error).replaceAll(/\s*\n\s*/gu, ' ')
    return { kind: 'reload-failed', message: `${reason}; the relay stays as it is` }
  }
}

function describe(file: string, changes: PeerChanges): string {
  const parts = (['added', 'changed', 'removed'] as const).flatMap((kind) => {
    const names = changes[kind]
    if (names.length === 0) return []
    const shown = names.slice(0, NAMES_MAX).join(', ')
    return [
      `${kind} ${shown}${names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : ''}`,
    ]
  })
  return `read ${file} again: ${parts.length === 0 ? 'no change' : `peers ${parts.join('; ')}`}`
}
