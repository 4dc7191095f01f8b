import { subscribe } from 'node:diagnostics_channel'
import { type Relay, type RelayDiagnostic, type RelayOptions, sdNotify } from '../../index.ts'
import { messageOf } from '../../lib/errors.ts'
import { type RelayArguments, parseArguments } from './arguments.ts'
import type { Reloader } from './config/reload.ts'
import { statusOf } from './failure.ts'
import type { HandedOver } from './handover/handedOver.ts'
import { Keeper } from './handover/keeper.ts'
import { Output } from './output.ts'
import { print } from './print.ts'
import { Servers } from './servers.ts'
import { stateOf } from './serviceState.ts'
import { endingSignal, onHangUp, onStatsSignal } from './signals.ts'

/** Prints a text, or runs the relay until it ends. Returns the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  const parsed = parseArguments(args)
  return parsed.action === 'print' ? print(parsed) : run(parsed)
}

async function run(parsed: RelayArguments): Promise<number> {
  const output = new Output(parsed.output)
  const ending = new AbortController()
  const signal = endingSignal(ending)
  report(output)
  const reloader = await reloaderOf(parsed, output)
  onHangUp(() => {
    if (reloader) reloader.request()
    else {
      const message = 'SIGHUP is ignored: there is no configuration file to read again'
      output.notice({ kind: 'hangup', message })
    }
  })
  const keeper = new Keeper(signal)
  let relay: Relay | undefined
  let handedOver: HandedOver | undefined
  const servers = new Servers(parsed, {
    output,
    end: () => {
      keeper.discard()
      ending.abort()
    },
    onHandedOver: (to) => (handedOver = to),
    reloader,
  })
  onStatsSignal(() => {
    if (relay) output.stats(relay.stats())
  })
  try {
    // A relay that is taken over still has its own servers.
    if (!parsed.takeover) await servers.open()
    relay = await start(parsed, keeper)
    if (!relay) return 0
    if (parsed.takeover) await servers.openAfterTakeover()
    await servers.serve(relay)
    if (parsed.output.stats !== undefined) output.startRates(relay.stats())
    output.ready(relay.info, relay.peers.list().length)
    reloader?.use(relay)
    await serve(relay, { signal, period: parsed.output.stats, output, keeper })
    return 0
  } catch (error) {
    keeper.discard()
    output.error(error)
    return statusOf(error)
  } finally {
    await servers.close()
    await keeper.close((notice) => {
      output.notice(notice)
    })
    if (handedOver) await finish(handedOver, output)
    else if (relay) output.summary(relay.stats())
    await output.flush()
  }
}

/** Reports the events of the relay. The channel also has those of a start that fails. */
function report(output: Output): void {
  subscribe('tun2udp:relay', (message) => {
    const diagnostic = message as RelayDiagnostic
    if (diagnostic.type !== 'event') return
    output.notice(diagnostic.event)
    const state = stateOf(diagnostic.event)
    if (state !== undefined) void notify(state, output)
  })
}

/** Ends after another process has taken over: the service manager follows it. */
async function finish({ pid, finish: done }: HandedOver, output: Output): Promise<void> {
  output.notice({ kind: 'taken-over', message: `process ${pid} has taken over the relay` })
  await notify(`MAINPID=${pid}`, output)
  await done()
}

/** Starts the relay, or takes over another one. Returns nothing if a signal came before it was ready. */
async function start(parsed: RelayArguments, keeper: Keeper): Promise<Relay | undefined> {
  const { relay, config, account } = parsed
  const signal = keeper.signal
  let locate = (error: unknown) => error
  const begin = async (options: RelayOptions) => {
    if (!parsed.takeover) return keeper.start(options, account)
    // Only this option needs the messages.
    const { pathOf, takeOver } = await import('./handover/take.ts')
    return takeOver(pathOf(parsed.output.control, options.name), options, account)
  }
  try {
    if (config === undefined) return await begin({ ...(relay as RelayOptions), signal })
    // Only this option needs the parser of the file.
    const { readConfig } = await import('./config/config.ts')
    const read = await readConfig(config, relay)
    locate = read.locate
    // A `signal` of the file replaces that of the program, and is refused.
    return await begin({ signal, ...read.options })
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined
    throw locate(error)
  }
}

/** Returns the reloader of the configuration file, if there is one. */
async function reloaderOf(
  { relay, config }: RelayArguments,
  output: Output,
): Promise<Reloader | undefined> {
  if (config === undefined) return undefined
  const { Reloader } = await import('./config/reload.ts')
  return new Reloader({ file: config, replaced: relay }, (notice) => {
    output.notice(notice)
  })
}

/** The parts of the program while the relay runs. */
interface Serving {
  readonly signal: AbortSignal
  /** Interval of the counters, seconds. */
  readonly period: number | undefined
  readonly output: Output
  readonly keeper: Keeper
}

/** Notifies the service manager, prints the counters at every interval, and waits until the relay ends. */
async function serve(relay: Relay, { signal, period, output, keeper }: Serving): Promise<void> {
  const stopping = () => void notify('STOPPING=1', output)
  signal.addEventListener('abort', stopping, { once: true })
  await notify('READY=1', output)
  await keeper.keep(relay, (notice) => {
    output.notice(notice)
  })
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
    output.notice({ kind: 'notify', message: messageOf(error) })
  }
}
