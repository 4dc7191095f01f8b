import type { NativeCounter } from '#binding'
import type { CounterDescription } from '../../lib/relay/counters.ts'

/** Returns the counters in the form that TypeScript uses. */
export function counterDescriptions(native: readonly NativeCounter[]): CounterDescription[] {
  return native.map(({ direction, name, unit, isDrop, words, help }) => ({
    direction: direction as CounterDescription['direction'],
    name: name.replaceAll(/_(?<letter>[a-z])/gu, (_, letter: string) => letter.toUpperCase()),
    unit,
    isDrop,
    ...(words === undefined ? {} : { words }),
    help,
  }))
}

/** Returns the file that TypeScript reads the counters from. */
export function countersFile(counters: readonly CounterDescription[]): string {
  const short = counters.map(({ isDrop, ...counter }) =>
    isDrop ? { ...counter, isDrop } : counter,
  )
  return `// Written by \`npm run generate\` from crate/core/src/relay/counters.rs: change that.

/** From the interface to the peer, or from the peer to the interface. */
export type Direction = 'outbound' | 'inbound'

/** A counter of a relay. */
export interface CounterDescription {
  readonly direction: Direction
  /** Its name in \`RelayStats\`. */
  readonly name: string
  /** Its unit: \`packets\`, \`bytes\`, \`datagrams\`, \`reports\`, \`calls\`. */
  readonly unit: string
  /** Whether it is a cause of \`dropped\`. */
  readonly isDrop: boolean
  /** Its name in the program's output; absent: it is not printed by itself. */
  readonly words?: string
  /** Its description, in sentences. */
  readonly help: string
}

/** The counters without \`isDrop: false\`. */
const TABLE: readonly (Omit<CounterDescription, 'isDrop'> & { readonly isDrop?: true })[] = ${JSON.stringify(short)}

/** All counters, in order. */
export const COUNTERS: readonly CounterDescription[] = TABLE.map((counter) => ({
  isDrop: false,
  ...counter,
}))
`
}
