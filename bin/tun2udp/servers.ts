import { type Relay, formatMetrics } from '../../index.ts'
import { messageOf } from '../../lib/errors.ts'
import type { RelayArguments } from './arguments.ts'
import type { ProgramParts } from './control/method.ts'
import { Control } from './control/open.ts'
import type { MetricsServer } from './metrics.ts'
import { untilFree } from './untilFree.ts'

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
        await open()
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
    const open = async () => MetricsServer.listen(metrics)
    this.#metrics = await (this.#args.takeover ? untilFree(open) : open())
  }

  async #openControl(): Promise<void> {
    const { relay, output, takeover } = this.#args
    const place = { control: output.control, name: relay.name, isTakeover: takeover ?? false }
    this.#control = await Control.open(place, this.#parts)
  }
}
