import type { PeerChanges } from '../../../index.ts'

/** The names of peers that are listed for each kind of change. */
const NAMES_MAX = 10

/** Describes what changed: `peers added b, c; removed d`, or `no change`. */
export function describeChanges(changes: PeerChanges): string {
  const parts = (['added', 'changed', 'removed'] as const).flatMap((kind) => {
    const names = changes[kind]
    if (names.length === 0) return []
    const shown = names.slice(0, NAMES_MAX).join(', ')
    return [
      `${kind} ${shown}${names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : ''}`,
    ]
  })
  return parts.length === 0 ? 'no change' : `peers ${parts.join('; ')}`
}
