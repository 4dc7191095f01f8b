#!/usr/bin/env node
import { subscribe } from 'node:diagnostics_channel'
import { type Relay, type RelayDiagnostic, sdNotify } from '../index.ts'
import { startRelayAs } from '../lib/relay/relay.ts'
import { type Arguments, parseArguments } from './tun2udp/arguments.ts'
import { Output, flush } from './tun2udp/output.ts'
import { endingSignal, onHangUp, onStatsSignal } from './tun2udp/signals.ts'

/** Prints what was asked for, or runs the relay to its end; gives the status. */
async function main(): Promise<number> {
  const parsed = parseArguments(process.argv.slice(2))
  return parsed.run ? run(parsed) : print(parsed)
}

function print({ stdout, stderr, status }: Extract<Arguments, { run: false }>): number {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  process.stdout.write(stdout)
  process.stderr.write(stderr)
  return status
}

async function run(parsed: Extract<Arguments, { run: true }>): Promise<number> {
  const output = new Output(parsed.output)
  const signal = endingSignal()
  // Also the events of a start that fails, of which there is no relay to iterate over.
  subscribe('tun2udp:relay', (message) => {
    const diagnostic = message as RelayDiagnostic
    if (diagnostic.type === 'event') output.notice(diagnostic.event)
  })
  onHangUp(() => {
    const message = 'SIGHUP is ignored: there is no configuration file to read again'
    output.notice({ kind: 'hangup', message })
  })
  let relay: Relay | undefined
  onStatsSignal(() => {
    if (relay) output.stats(relay.stats(), 'signal')
  })
  try {
    relay = await start(parsed, signal)
    if (!relay) return 0
    await serve(relay, signal, parsed.output.stats, output)
    return 0
  } catch (error) {
    output.error(error)
    return 1
  } finally {
    if (relay) output.summary(relay.stats())
  }
}

/** The relay, or nothing when a signal came before it was ready. */
async function start(
  { relay, account }: Extract<Arguments, { run: true }>,
  signal: AbortSignal,
): Promise<Relay | undefined> {
  try {
    return await startRelayAs({ ...relay, signal }, account)
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined
    throw error
  }
}

/** Says that the relay is ready, and waits for its end. */
async function serve(
  relay: Relay,
  signal: AbortSignal,
  period: number | undefined,
  output: Output,
): Promise<void> {
  const stopping = () => void notify('STOPPING=1', output)
  signal.addEventListener('abort', stopping, { once: true })
  output.ready(relay.info)
  await notify('READY=1', output)
  const timer =
    period === undefined
      ? undefined
      : setInterval(() => {
          output.stats(relay.stats(), 'period')
        }, period * 1000)
  try {
    await relay.closed
  } finally {
    clearInterval(timer)
  }
}

/** A service manager that cannot be told is news, and no reason to end. */
async function notify(state: string, output: Output): Promise<void> {
  try {
    await sdNotify(state)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    output.notice({ kind: 'notify', message: reason })
  }
}

const status = await main()
await flush()
// Not left to the end of the loop: a resolver that is still at work may hold it for long.
process.exit(status)
