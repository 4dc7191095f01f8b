import type { RelayInfo, RelayStats, UdpEndpoint } from '../../index.ts'

// One locale, whatever the user's is: the lines are English.
const LOCALE = 'en'
const COUNT = new Intl.NumberFormat(LOCALE)
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const

/** What each cause of a drop is called. */
const CAUSES: Readonly<Record<string, string>> = {
  tooLong: 'too long',
  unreachable: 'peer unreachable',
  denied: 'denied',
  noBuffers: 'no buffers',
  malformed: 'malformed',
  closing: 'closing',
  other: 'other',
  foreignSource: 'foreign source',
  empty: 'empty',
  truncated: 'truncated',
  notIp: 'not IP',
  interfaceDown: 'interface down',
  rejected: 'rejected',
}

/** The ready line for people. */
export function formatReady({ interface: device, local, peer }: RelayInfo): string {
  return `ready: ${device.name} ${device.addresses.join(' ')} mtu ${device.mtu}, UDP ${formatEndpoint(local)} to ${formatEndpoint(peer)}`
}

/** The counters on one line, each way. */
export function formatStats({ outbound, inbound }: RelayStats): string {
  const reports =
    formatReport(outbound.refusedByPeer, 'refused by the peer') +
    formatReport(outbound.unreachableReports, 'reported unreachable') +
    formatReport(outbound.pathMtuReports, 'reported too long')
  return (
    `out ${formatFlow(outbound.packetsRead, outbound.bytesRead)}${formatReport(outbound.readErrors, 'failed reads')}, ` +
    `sent ${formatFlow(outbound.datagramsSent, outbound.bytesSent)}${reports}${formatDrops(outbound.dropped)}; ` +
    `in ${formatFlow(inbound.datagramsReceived, inbound.bytesReceived)}${formatReport(inbound.receiveErrors, 'failed receives')}, ` +
    `written ${formatFlow(inbound.packetsWritten, inbound.bytesWritten)}${formatDrops(inbound.dropped)}`
  )
}

/** A duration with its two largest units: `1 d 2 h`, `3 min 4 s`, `0.5 s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 60_000)
    return `${new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 }).format(milliseconds / 1000)} s`
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

/** Bytes in the largest decimal unit that leaves at least 1 in front of it. */
export function formatBytes(bytes: number): string {
  const step = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1)
  return new Intl.NumberFormat(LOCALE, {
    style: 'unit',
    unit: UNITS[step] ?? 'byte',
    maximumFractionDigits: step === 0 ? 0 : 1,
  }).format(bytes / 1000 ** step)
}

/** `ADDRESS:PORT`, IPv6 in brackets (RFC 5952, section 6). */
function formatEndpoint({ address, port }: UdpEndpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

function formatFlow(count: number, bytes: number): string {
  return `${formatCount(count)} (${formatBytes(bytes)})`
}

function formatCount(count: number): string {
  return COUNT.format(count)
}

function formatReport(count: number, what: string): string {
  return count > 0 ? `, ${formatCount(count)} ${what}` : ''
}

function formatDrops(dropped: Readonly<Record<string, number>>): string {
  const causes = Object.entries(dropped).filter(([, count]) => count > 0)
  if (causes.length === 0) return ''
  const total = causes.reduce((sum, [, count]) => sum + count, 0)
  const list = causes.map(([cause, count]) => `${CAUSES[cause] ?? cause} ${formatCount(count)}`)
  return `, dropped ${formatCount(total)} (${list.join(', ')})`
}
