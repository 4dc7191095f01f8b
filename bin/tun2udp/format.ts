import type { InboundStats, OutboundStats, PathMtu, RelayInfo, RelayStats } from '../../index.ts'
import { COUNTERS, type CounterDescription, type Direction } from '../../lib/relay/counters.ts'
import { formatEndpoint } from '../../lib/relay/info.ts'
import { formatNumber } from '../../lib/formatNumber.ts'

const UNITS = ['byte', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** The words for the causes of drops, by direction and name. */
const CAUSES = new Map(
  COUNTERS.filter(({ isDrop }) => isDrop).map(({ direction, name, words }) => [
    `${direction} ${name}`,
    words ?? name,
  ]),
)

// The counters that are printed after a flow: from its first one in the table up to those of the next flow.
const READ = countersFrom('outbound', 'packetsRead', 'datagramsSent')
const SENT = countersFrom('outbound', 'datagramsSent')
const RECEIVED = countersFrom('inbound', 'datagramsReceived', 'packetsWritten')
const WRITTEN = countersFrom('inbound', 'packetsWritten')

function countersFrom(direction: Direction, first: string, next?: string): CounterDescription[] {
  const counters = COUNTERS.filter((counter) => counter.direction === direction && !counter.isDrop)
  const placeOf = (name: string) => counters.findIndex((counter) => counter.name === name)
  return counters.slice(placeOf(first), next === undefined ? undefined : placeOf(next))
}

/**
 * Returns the ready line. It contains the mode `tap`, and the number of source ports if there are several. Of several
 * peers it has the number instead of the endpoint.
 */
export function formatReady(
  { mode, interface: device, local, peer, sourcePorts }: RelayInfo,
  peers: number,
): string {
  const others = peers > 1 ? `${peers} peers` : formatEndpoint(peer)
  const ports = sourcePorts > 1 ? `, ${sourcePorts} source ports` : ''
  const words = [device.name, ...(mode === 'tap' ? ['mode tap'] : []), ...device.addresses]
  return `ready: ${words.join(' ')} mtu ${device.mtu}, UDP ${formatEndpoint(local)} to ${others}${ports}`
}

/** Returns the counters of both directions on one line, and the path MTU if it was reported. */
export function formatStats({ outbound, inbound, pathMtu }: RelayStats): string {
  return (
    `out ${formatFlow(outbound.packetsRead, outbound.bytesRead)}${formatOthers(READ, outbound)}, ` +
    `sent ${formatFlow(outbound.datagramsSent, outbound.bytesSent)}${formatOthers(SENT, outbound)}${formatDrops('outbound', outbound)}; ` +
    `in ${formatFlow(inbound.datagramsReceived, inbound.bytesReceived)}${formatOthers(RECEIVED, inbound)}, ` +
    `written ${formatFlow(inbound.packetsWritten, inbound.bytesWritten)}${formatOthers(WRITTEN, inbound)}${formatDrops('inbound', inbound)}` +
    formatPathMtu(pathMtu)
  )
}

/** Formats a path MTU that differs from that of the start. */
function formatPathMtu(pathMtu: PathMtu | undefined): string {
  if (pathMtu === undefined || pathMtu.source === 'start') return ''
  const { outside, inside, source, router } = pathMtu
  const reporter = source === 'route' ? "this machine's route" : (router ?? 'a router')
  return `; path MTU ${outside}, inside ${inside}, reported by ${reporter}`
}

/** Formats a duration with its two largest units: `1 d 2 h`, `3 min 4 s`, `0.5 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 60_000) return `${formatNumber(Math.round(milliseconds / 100) / 10)} s`
  const seconds = Math.floor(milliseconds / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  return parts
    .slice(first, first + 2)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}

/** Formats bytes in the largest decimal unit of which there is at least 1. */
export function formatBytes(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1)
  const rounded = step === 0 ? bytes : Math.round(bytes / (1000 ** step / 10)) / 10
  return `${formatNumber(rounded)} ${UNITS[step] ?? ''}`
}

function formatFlow(count: number, bytes: number): string {
  return `${formatNumber(count)} (${formatBytes(bytes)})`
}

/** Formats the counters that have words and are not 0. */
function formatOthers(
  counters: readonly CounterDescription[],
  stats: OutboundStats | InboundStats,
): string {
  const counts = stats as unknown as Readonly<Record<string, number>>
  return counters
    .map(({ name, words }) => ({ words, count: counts[name] ?? 0 }))
    .filter(({ words, count }) => words !== undefined && count > 0)
    .map(({ words, count }) => `, ${formatNumber(count)} ${words}`)
    .join('')
}

function formatDrops(direction: Direction, stats: OutboundStats | InboundStats): string {
  const dropped: Readonly<Record<string, number>> = { ...stats.dropped }
  const causes = Object.entries(dropped).filter(([, count]) => count > 0)
  if (causes.length === 0) return ''
  const total = causes.reduce((sum, [, count]) => sum + count, 0)
  const list = causes.map(
    ([cause, count]) => `${CAUSES.get(`${direction} ${cause}`) ?? cause} ${formatNumber(count)}`,
  )
  return `, dropped ${formatNumber(total)} (${list.join(', ')})`
}
