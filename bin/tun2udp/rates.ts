import type { PeerState, RelayStats } from '../../index.ts'
import { COUNTERS, type CounterDescription } from '../../lib/relay/counters.ts'
import { valueOf } from '../../lib/relay/stats.ts'

/** The width that a line fits into, columns. */
const WIDTH = 100

/** The prefixes of SI units from 1 on, each 1000 times the one before. */
const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y', 'R', 'Q'] as const

/** Columns of a number: three digits and a point. */
const NUMBER_WIDTH = 4

/** The state of a peer that a line contains. */
type PeerUp = Pick<PeerState, 'isUp'>

/** The escape sequences of a terminal (ECMA-48). */
const RED = '\u001B[31m'
const YELLOW = '\u001B[33m'
const RESET = '\u001B[0m'

/** The counters of packets that were lost, with the words for a person. */
const LOSSES = COUNTERS.filter(({ isDrop, name }) => isDrop || name === 'packetsMissed').map(
  (counter) => ({ counter, words: wordsOf(counter) }),
)

/** Prints the counters as rates: one line per interval, with columns that keep their places. */
export class RateLines {
  readonly #isColored: boolean
  #last: { readonly stats: RelayStats; readonly at: number } | undefined

  constructor(isColored: boolean) {
    this.#isColored = isColored
  }

  /** Sets the counters that the first line is compared with. `at`: the time, milliseconds. */
  start(stats: RelayStats, at: number): void {
    this.#last = { stats, at }
  }

  /** Returns the line for the time since the last one. `at`: the time, milliseconds. */
  next(stats: RelayStats, peers: readonly PeerUp[], at: number): string {
    const last = this.#last ?? { stats, at }
    this.#last = { stats, at }
    const seconds = (at - last.at) / 1000
    const rate = (value: (stats: RelayStats) => number) =>
      seconds > 0 ? (value(stats) - value(last.stats)) / seconds : 0
    const out = formatFlow(
      rate(({ outbound }) => outbound.packetsRead),
      rate(({ outbound }) => outbound.bytesRead),
    )
    const into = formatFlow(
      rate(({ inbound }) => inbound.datagramsReceived),
      rate(({ inbound }) => inbound.bytesReceived),
    )
    const losses = LOSSES.map(({ counter, words }) => ({
      words,
      rate: rate((all) => valueOf(all, counter)),
    }))
    const total = losses.reduce((sum, loss) => sum + loss.rate, 0)
    const drop = `drop ${formatRate(total, '/s')}`
    const head = `stats: out ${out}  in ${into}  `
    const left = WIDTH - head.length - drop.length
    const tail = fitting(remarksOf(losses, stats, peers), left)
      .map(({ text, color }) => this.#color(text, color))
      .join(', ')
    const body = this.#color(drop, total > 0 ? RED : '')
    return tail === '' ? `${head}${body}`.trimEnd() : `${head}${body} ${tail}`
  }

  #color(text: string, color: string): string {
    return this.#isColored && color !== '' ? `${color}${text}${RESET}` : text
  }
}

interface Remark {
  readonly text: string
  readonly color: string
}

/** Returns whether lines for a terminal have colors: not if `NO_COLOR` has a value, or the terminal has none. */
export function wantsColor(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  return isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}

/**
 * Formats a rate with three digits and an SI prefix: `1.23 Mp/s`. All rates of one unit have the same width. A rate
 * above 0 is never shown as 0.
 */
export function formatRate(rate: number, unit: string): string {
  const [number, prefix] = scale(rate)
  return `${number.padStart(NUMBER_WIDTH)} ${`${prefix}${unit}`.padEnd(unit.length + 1)}`
}

function scale(rate: number): [string, string] {
  if (!(rate > 0)) return ['0', '']
  for (const [power, prefix] of PREFIXES.entries()) {
    const value = Number((rate / 1000 ** power).toPrecision(3))
    if (value < 1000) return [threeDigits(power === 0 ? Math.max(value, 0.01) : value), prefix]
  }
  return ['999', PREFIXES.at(-1) ?? '']
}

function threeDigits(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value.toFixed(value >= 10 ? 1 : 2)
}

function formatFlow(packets: number, bytes: number): string {
  return `${formatRate(packets, 'p/s')} ${formatRate(bytes * 8, 'bit/s')}`
}

/** Returns the remarks that fit into a width with a separator before each. The first ones have priority. */
function fitting(remarks: readonly Remark[], width: number): Remark[] {
  const taken: Remark[] = []
  let left = width
  for (const remark of remarks) {
    const separator = taken.length === 0 ? ' ' : ', '
    if (remark.text.length + separator.length > left) continue
    left -= remark.text.length + separator.length
    taken.push(remark)
  }
  return taken
}

/** Returns the biggest cause of losses, peers that are down, and the path MTU if it was reported. */
function remarksOf(
  losses: readonly { readonly words: string; readonly rate: number }[],
  { pathMtu }: RelayStats,
  peers: readonly PeerUp[],
): Remark[] {
  const biggest = losses.reduce((one, other) => (other.rate > one.rate ? other : one), {
    words: '',
    rate: 0,
  })
  const known = peers.filter(({ isUp }) => isUp !== undefined)
  const up = known.filter(({ isUp }) => isUp).length
  const remarks: Remark[] = []
  if (biggest.rate > 0) remarks.push({ text: biggest.words, color: RED })
  if (up < known.length) {
    const text = peers.length === 1 ? 'peer down' : `${up}/${peers.length} up`
    remarks.push({ text, color: RED })
  }
  if (pathMtu && pathMtu.source !== 'start')
    remarks.push({ text: `mtu ${pathMtu.inside}`, color: YELLOW })
  return remarks
}

/** Returns the words for a cause. Both directions have some of them; these get the direction. */
function wordsOf({ name, direction, words = name }: CounterDescription): string {
  const isShared = COUNTERS.some((other) => other.words === words && other.direction !== direction)
  return isShared ? `${words} ${direction === 'outbound' ? 'out' : 'in'}` : words
}
