import { subscribe } from 'node:diagnostics_channel'
import {
  type Relay,
  type RelayDiagnostic,
  type RelayOptions,
  formatMetrics,
  sdNotify,
} from '../../index.ts'
import { startRelayAs } from '../../lib/relay/relay.ts'
import { type Arguments, parseArguments } from './arguments.ts'
import { Control } from './control/open.ts'
import type { ProgramParts } from './control/method.ts'
import type { Reloader } from './config/reload.ts'
import { statusOf } from './failure.ts'
import type { MetricsServer } from './metrics.ts'
import type { MetricsAddress } from './metricsAddress.ts'
import { Output } from './output.ts'
import { print } from './print.ts'
import { stateOf } from './serviceState.ts'
import { endingSignal, onHangUp, onStatsSignal } from './signals.ts'

/** Prints a text, or runs the relay until it ends. Returns the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args)
  return parsed.action === 'print' ? print(parsed) : run(parsed)
}

async function run(parsed: Extract<Arguments, { action: 'relay' }>): Promise<number> {
  const output = new Output(parsed.output)
  const ending = new AbortController()
  const signal = endingSignal(ending)
  // The channel also has the events of a start that fails, for which there is no relay to iterate over.
  subscribe('tun2udp:relay', (message) => {
    const diagnostic = message as RelayDiagnostic
    if (diagnostic.type !== 'event') return
    output.notice(diagnostic.event)
    const state = stateOf(diagnostic.event)
    if (state !== undefined) void notify(state, output)
  })
  const reloader = await reloaderOf(parsed, output)
  onHangUp(() => {
    if (reloader) reloader.request()
    else {
      const message = 'SIGHUP is ignored: there is no configuration file to read again'
      output.notice({ kind: 'hangup', message })
    }
  })
  let relay: Relay | undefined
  let metrics: MetricsServer | undefined
  let control: Control | undefined
  onStatsSignal(() => {
    if (relay) output.stats(relay.stats())
  })
  try {
    metrics = await listenForScrapes(parsed.output.metrics)
    control = await openControl(parsed, {
      output,
      end: () => {
        ending.abort()
      },
      reloader,
    })
    const started = await start(parsed, signal, control)
    if (!started) return 0
    relay = started
    metrics?.serve(() => formatMetrics(started))
    await control.serve(relay)
    if (parsed.output.stats !== undefined) output.startRates(relay.stats())
    output.ready(relay.info, relay.peers.list().length)
    reloader?.use(relay)
    await serve(relay, signal, parsed.output.stats, output)
    return 0
  } catch (error) {
    output.error(error)
    return statusOf(error)
  } finally {
    await metrics?.close()
    await control?.close()
    if (relay) output.summary(relay.stats())
    await output.flush()
  }
}

/** Opens the server of the metrics, if it is wanted. */
async function listenForScrapes(
  address: MetricsAddress | undefined,
): Promise<MetricsServer | undefined> {
  if (!address) return undefined
  // Only this option needs an HTTP server.
  const { MetricsServer } = await import('./metrics.ts')
  return MetricsServer.listen(address)
}

/** Opens the control socket. */
async function openControl(
  { relay, output: { control } }: Extract<Arguments, { action: 'relay' }>,
  parts: ProgramParts,
): Promise<Control> {
  return Control.open({ control, name: relay.name }, parts)
}

/** Starts the relay. Returns nothing if a signal came before it was ready. */
async function start(
  { relay, config, account }: Extract<Arguments, { action: 'relay' }>,
  signal: AbortSignal,
  control: Control,
): Promise<Relay | undefined> {
  let locate = (error: unknown) => error
  try {
    await control.prepare(relay.netns)
    if (config === undefined)
      return await startRelayAs({ ...(relay as RelayOptions), signal }, account)
    // Only this option needs the parser of the file.
    const { readConfig } = await import('./config/config.ts')
    const read = await readConfig(config, relay)
    locate = read.locate
    await control.prepare(read.options.netns)
    // A `signal` of the file replaces that of the program, and is refused.
    return await startRelayAs({ signal, ...read.options }, account)
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined
    throw locate(error)
  }
}

/** Returns the reloader of the configuration file, if there is one. */
async function reloaderOf(
  { relay, config }: Extract<Arguments, { action: 'relay' }>,
  output: Output,
): Promise<Reloader | undefined> {
  if (config === undefined) return undefined
  const { Reloader } = await import('./config/reload.ts')
  return new Reloader({ file: config, replaced: relay }, (notice) => {
    output.notice(notice)
  })
}

/** Notifies the service manager, prints the counters at every interval, and waits until the relay ends. */
async function serve(
  relay: Relay,
  signal: AbortSignal,
  period: number | undefined,
  output: Output,
): Promise<void> {
  const stopping = () => void notify('STOPPING=1', output)
  signal.addEventListener('abort', stopping, { once: true })
  await notify('READY=1', output)
  const timer =
    period === undefined
      ? undefined
      : setInterval(() => {
          output.rates(relay.stats(), () => relay.peers.list())
        }, period * 1000)
  try {
    await relay.closed
  } finally {
    clearInterval(timer)
  }
}

/** Notifies the service manager. A failure is a notice and does not end the program. */
async function notify(state: string, output: Output): Promise<void> {
  try {
    await sdNotify(state)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    output.notice({ kind: 'notify', message: reason })
  }
}
