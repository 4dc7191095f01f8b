import type { OffloadStatus } from '#binding'
import { checkNames } from './list.ts'
import type { Form } from '../options/table.ts'

/** The offloads that a relay may use. */
export const OFFLOADS = ['tso', 'uso', 'gso', 'gro', 'coalesce'] as const

/**
 * The names on the command line. There, `gro` selects both offloads of the receiving direction, `gro` and
 * `coalesce`.
 */
const SPELLED = ['tso', 'uso', 'gso', 'gro'] as const

/**
 * An offload of the kernel that a relay may use. It does not change the packets.
 *
 * - `tso`: reads whole TCP super-packets from the interface (`TUN_F_TSO4`, `TUN_F_TSO6`).
 * - `uso`: reads whole UDP super-packets from the interface and, with `coalesce`, writes them to it (`TUN_F_USO4`,
 *   `TUN_F_USO6`; Linux 6.2).
 * - `gso`: sends a batch of datagrams with one call (`UDP_SEGMENT` of udp(7)).
 * - `gro`: receives a batch of datagrams with one call (`UDP_GRO` of udp(7)).
 * - `coalesce`: coalesces packets of a flow into super-packets for the interface.
 */
export type Offload = (typeof OFFLOADS)[number]

/** The offloads to use: all available ones, none, or those of a list. */
export const offloads: Form<OffloadStatus | undefined> = {
  type: "'auto' | false | readonly Offload[]",
  check: (what, value) => {
    if (value === 'auto') return undefined
    if (value === false) return allowed([])
    const expected = `"auto", false or a list of ${OFFLOADS.map((name) => `"${name}"`).join(', ')}`
    return allowed(checkNames(what, value, OFFLOADS, expected))
  },
  spelling: {
    parse: (text) => {
      const names = text.split(',')
      if (!names.every((name) => isSpelled(name))) return undefined
      return names.includes('gro') ? [...names, 'coalesce'] : names
    },
    expected: `a list of ${SPELLED.join(', ')}`,
  },
  completion: { words: SPELLED, areSeveral: true },
}

function isSpelled(name: string): boolean {
  return (SPELLED as readonly string[]).includes(name)
}

function allowed(offloads: readonly Offload[]): OffloadStatus {
  const has = (name: Offload) => offloads.includes(name)
  return {
    tso: has('tso'),
    uso: has('uso'),
    gso: has('gso'),
    gro: has('gro'),
    coalesce: has('coalesce'),
  }
}
