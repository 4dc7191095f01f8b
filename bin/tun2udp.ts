#!/usr/bin/env node
import { subscribe } from 'node:diagnostics_channel'
import {
  type Relay,
  type RelayDiagnostic,
  type RelayOptions,
  formatMetrics,
  sdNotify,
} from '../index.ts'
import { startRelayAs } from '../lib/relay/relay.ts'
import { type Arguments, parseArguments } from './tun2udp/arguments.ts'
import { nameProcess } from './title.ts'
import type { Reloader } from './tun2udp/config/reload.ts'
import type { MetricsServer } from './tun2udp/metrics.ts'
import type { MetricsAddress } from './tun2udp/metricsAddress.ts'
import { Output, statusOf } from './tun2udp/output.ts'
import { STATUS } from './tun2udp/status.ts'
import { stateOf } from './tun2udp/serviceState.ts'
import { endingSignal, onHangUp, onStatsSignal } from './tun2udp/signals.ts'

/** Prints a text, or runs the relay until it ends. Returns the exit status. */
async function main(): Promise<number> {
  const args = process.argv.slice(2)
  nameProcess('tun2udp', args)
  const parsed = parseArguments(args)
  switch (parsed.action) {
    case 'relay':
      return run(parsed)
    case 'print':
      return print(parsed)
    case 'doctor':
      return doctor(parsed)
  }
}

/** Examines this machine. Returns the exit status. */
async function doctor({ json }: Extract<Arguments, { action: 'doctor' }>): Promise<number> {
  // Only this command needs the checks.
  const { canStart, examine, formatFindings, toJson } = await import('./tun2udp/doctor/doctor.ts')
  const { readSystem } = await import('./tun2udp/doctor/system.ts')
  const findings = examine(await readSystem())
  const stdout = json ? toJson(findings) : formatFindings(findings)
  const status = canStart(findings) ? STATUS.success : STATUS.failure
  return print({ stdout, stderr: '', status })
}

async function print({
  stdout,
  stderr,
  status,
}: Omit<Extract<Arguments, { action: 'print' }>, 'action'>): Promise<number> {
  for (const [stream, text] of [
    [process.stdout, stdout],
    [process.stderr, stderr],
  ] as const) {
    stream.on('error', () => undefined)
    // Calls back once the text is written or the reader is gone.
    if (text !== '') await new Promise((resolve) => stream.write(text, resolve))
  }
  return status
}

async function run(parsed: Extract<Arguments, { action: 'relay' }>): Promise<number> {
  const output = new Output(parsed.output)
  const signal = endingSignal()
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
  onStatsSignal(() => {
    if (relay) output.stats(relay.stats())
  })
  try {
    metrics = await listenForScrapes(parsed.output.metrics)
    const started = await start(parsed, signal)
    if (!started) return 0
    relay = started
    metrics?.serve(() => formatMetrics(started))
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
  const { MetricsServer } = await import('./tun2udp/metrics.ts')
  return MetricsServer.listen(address)
}

/** Starts the relay. Returns nothing if a signal came before it was ready. */
async function start(
  { relay, config, account }: Extract<Arguments, { action: 'relay' }>,
  signal: AbortSignal,
): Promise<Relay | undefined> {
  let locate = (error: unknown) => error
  try {
    if (config === undefined)
      return await startRelayAs({ ...(relay as RelayOptions), signal }, account)
    // Only this option needs the parser of the file.
    const { readConfig } = await import('./tun2udp/config/config.ts')
    const read = await readConfig(config, relay)
    locate = read.locate
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
  const { Reloader } = await import('./tun2udp/config/reload.ts')
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

// The process does not wait for an empty event loop: a pending name look-up could delay that for long.
process.exit(await main())
