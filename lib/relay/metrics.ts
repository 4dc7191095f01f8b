import { invalidArgument } from '../errors.ts'
import { VERSION } from '../native/version.ts'
import { COUNTERS, type CounterDescription } from './counters.ts'
import { formatEndpoint } from './info.ts'
import { Relay } from './relay.ts'

/** A metric of all relays, in the terms of the Prometheus text format. */
interface Metric {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly help: string
  /** The samples of one relay. */
  readonly samples: (relay: Snapshot) => readonly Sample[]
}

interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}

/** The state of a relay at one moment, so that all its samples are consistent. */
interface Snapshot {
  readonly info: Relay['info']
  readonly stats: ReturnType<Relay['stats']>
}

const PREFIX = 'tun2udp'

/** The metrics of a relay that are not counters. */
const STATES: readonly Metric[] = [
  {
    name: 'interface_mtu_bytes',
    type: 'gauge',
    help: 'MTU of the interface when the relay started.',
    samples: ({ info }) => [{ value: info.interface.mtu }],
  },
  {
    name: 'path_mtu_bytes',
    type: 'gauge',
    help: 'The longest packet that the path to the peer carries, inside and outside the tunnel.',
    samples: ({ stats: { pathMtu } }) =>
      pathMtu === undefined
        ? []
        : (['inside', 'outside'] as const).map((side) => ({
            labels: { side },
            value: pathMtu[side],
          })),
  },
  {
    name: 'queues',
    type: 'gauge',
    help: 'Queues of the interface, each with its own thread and socket.',
    samples: ({ info }) => [{ value: info.queues }],
  },
  {
    name: 'offload_active',
    type: 'gauge',
    help: 'Whether an offload of the kernel is in use: 1 or 0.',
    samples: ({ stats }) =>
      Object.entries(stats.offload).map(([offload, active]) => ({
        labels: { offload },
        value: active ? 1 : 0,
      })),
  },
]

const METRICS: readonly Metric[] = [...countersOf(false), ...countersOf(true), ...STATES]

/**
 * Returns the counters and states of relays in the text format of Prometheus (version 0.0.4).
 *
 * Each counter of `stats()` is one metric, for example `tun2udp_outbound_read_packets_total`. The causes of drops are
 * one metric per direction and unit, with the label `cause`. Every sample has the labels `interface` and `local`.
 *
 * @param relays the relays, whose pairs of interface name and local address must be distinct.
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`: a value is not a relay.
 */
export function formatMetrics(relays: Relay | readonly Relay[]): string {
  const list = Array.isArray(relays) ? (relays as readonly unknown[]) : [relays]
  const snapshots = list.map((relay): Snapshot => {
    if (relay instanceof Relay) return { info: relay.info, stats: relay.stats() }
    throw invalidArgument('relays', relay, 'a Relay or an array of them')
  })
  const version = sample(`${PREFIX}_info`, { version: VERSION }, 1)
  const lines = [...head(`${PREFIX}_info`, 'gauge', 'Version of the package.'), version]
  for (const { name, type, help, samples } of METRICS) {
    const full = `${PREFIX}_${name}`
    lines.push(...head(full, type, help))
    for (const snapshot of snapshots) {
      const { interface: device, local } = snapshot.info
      const own = { interface: device.name, local: formatEndpoint(local) }
      for (const { labels, value } of samples(snapshot)) {
        lines.push(sample(full, { ...own, ...labels }, value))
      }
    }
  }
  return `${lines.join('\n')}\n`
}

/** Returns the metrics of the counters, or those of the causes of drops. */
function countersOf(isDrop: boolean): Metric[] {
  const names = new Map<string, CounterDescription[]>()
  for (const counter of COUNTERS.filter((one) => one.isDrop === isDrop)) {
    const name = isDrop ? `${counter.direction}_dropped_${counter.unit}_total` : nameOf(counter)
    names.set(name, [...(names.get(name) ?? []), counter])
  }
  return [...names].map(([name, counters]) => ({
    name,
    type: 'counter',
    help: isDrop ? dropHelp(counters) : (counters[0]?.help ?? ''),
    samples: ({ stats }) =>
      counters.map((counter) => {
        const direction = stats[counter.direction]
        const values = { ...(isDrop ? direction.dropped : direction) } as Record<string, unknown>
        const value = Number(values[counter.name])
        return isDrop ? { labels: { cause: snake(counter.name) }, value } : { value }
      }),
  }))
}

function dropHelp(counters: readonly CounterDescription[]): string {
  const causes = counters.map(({ name, help }) => `${snake(name)}: ${help}`)
  return `Dropped ${counters[0]?.unit ?? 'packets'} by cause. ${causes.join(' ')}`
}

/** Returns the name of a counter with its unit at the end: `packetsRead` is `outbound_read_packets_total`. */
function nameOf({ direction, name, unit }: CounterDescription): string {
  const words = snake(name)
  const start = `${unit}_`
  const ordered = words.startsWith(start) ? `${words.slice(start.length)}_${unit}` : words
  return `${direction}_${ordered}_total`
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)
}

function head(name: string, type: string, help: string): string[] {
  const escaped = help.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`)
  return [`# HELP ${name} ${escaped}`, `# TYPE ${name} ${type}`]
}

function sample(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`)
  return `${name}{${pairs.join(',')}} ${value}`
}

function escapeLabel(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`)
}
