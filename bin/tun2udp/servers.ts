import { setTimeout as delay } from 'node:timers/promises'
import { type Relay, formatMetrics } from '../../index.ts'
import { codeOf, messageOf } from '../../lib/errors.ts'
import type { RelayArguments } from './arguments.ts'
import type { ProgramParts } from './control/method.ts'
import { Control } from './control/open.ts'
import type { MetricsServer } from './metrics.ts'

/** How often a server is opened again whose address a process that has just ended still uses, and the pause between. */
const ATTEMPTS = 20
const PAUSE_MS = 50

/** The servers of the program: the control socket and the metrics. */
export class Servers {
  readonly #args: RelayArguments
  readonly #parts: ProgramParts
  #metrics: MetricsServer | undefined
  #control: Control | undefined

  constructor(args: RelayArguments, parts: ProgramParts) {
    this.#args = args
    this.#parts = parts
  }

  /** Opens the servers that are wanted. */
  async open(): Promise<void> {
    await this.#openMetrics()
    await this.#openControl()
  }

  /** Opens them after the former process has closed its own. The relay runs, so a failure is a notice. */
  async openAfterTakeover(): Promise<void> {
    for (const open of [async () => this.#openMetrics(), async () => this.#openControl()]) {
      try {
        await again(open)
      } catch (error) {
        const message = `${messageOf(error)}; the relay runs without it`
        this.#parts.output.notice({ kind: 'takeover', message })
      }
    }
  }

  /** Sets the relay, which is ready. */
  async serve(relay: Relay): Promise<void> {
    this.#metrics?.serve(() => formatMetrics(relay))
    await this.#control?.serve(relay)
  }

  /** Closes all. */
  async close(): Promise<void> {
    await this.#metrics?.close()
    await this.#control?.close()
  }

  async #openMetrics(): Promise<void> {
    const { metrics } = this.#args.output
    if (!metrics) return
    // Only this option needs an HTTP server.
    const { MetricsServer } = await import('./metrics.ts')
    this.#metrics = await MetricsServer.listen(metrics)
  }

  async #openControl(): Promise<void> {
    const { relay, output } = this.#args
    this.#control = await Control.open({ control: output.control, name: relay.name }, this.#parts)
  }
}

/** Opens a server, several times if its address is in use. */
async function again(open: () => Promise<void>): Promise<void> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    try {
      await open()
      return
    } catch (error) {
      if (codeOf(error) !== 'ERR_TUN_ADDRESS_IN_USE') throw error
      await delay(PAUSE_MS)
    }
  }
  await open()
}
