import type { OffloadStatus } from '#binding'
import { checkNames } from '../check/list.ts'
import type { Form } from './table.ts'

/** The names of what the kernel can do for a relay. */
export const OFFLOADS = ['tso', 'uso', 'gso', 'gro'] as const

/**
 * A shortcut of the kernel that the relay may use. What comes out is the same without it.
 *
 * - `tso`: TCP super-packets are read whole from the interface (`TUN_F_TSO4`, `TUN_F_TSO6`).
 * - `uso`: UDP super-packets are read whole from the interface, and, with `gro`, written to it
 *   (`TUN_F_USO4`, `TUN_F_USO6`; Linux 6.2).
 * - `gso`: batches of datagrams are sent by one call (`UDP_SEGMENT` of udp(7)).
 * - `gro`: batches of datagrams are received by one call (`UDP_GRO` of udp(7)), and packets of a flow
 *   are coalesced into super-packets for the interface.
 */
export type Offload = (typeof OFFLOADS)[number]

/** Which offloads may be used: all that the kernel has, none, or those of a list. */
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
      return names.every((name) => isOffload(name)) ? names : undefined
    },
    expected: `a list of ${OFFLOADS.join(', ')}`,
  },
  completion: { words: OFFLOADS, areSeveral: true },
}

function isOffload(name: unknown): name is Offload {
  return OFFLOADS.includes(name as Offload)
}

function allowed(offloads: readonly Offload[]): OffloadStatus {
  const has = (name: Offload) => offloads.includes(name)
  return {
    tso: has('tso'),
    uso: has('uso'),
    gso: has('gso'),
    gro: has('gro'),
    coalesce: has('gro'),
  }
}
