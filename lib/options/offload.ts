import type { NativeOffload } from '#binding'
import { invalidArgument } from '../errors.ts'
import { checkNames } from './check.ts'

/**
 * A shortcut of the kernel's that the relay may use. What comes out is the same without it.
 *
 * - `tso`: TCP super-packets are taken whole from the interface (`TUN_F_TSO4`, `TUN_F_TSO6`).
 * - `uso`: UDP super-packets are taken whole from the interface, and, with `gro`, given to it
 *   (`TUN_F_USO4`, `TUN_F_USO6`; Linux 6.2).
 * - `gso`: trains of datagrams are sent by one call (`UDP_SEGMENT` of udp(7)).
 * - `gro`: trains of datagrams are received by one call (`UDP_GRO` of udp(7)), and packets of a flow
 *   are joined into super-packets for the interface.
 */
export type Offload = 'tso' | 'uso' | 'gso' | 'gro'

/** Which shortcuts are in use. */
export interface OffloadStatus {
  /** TCP super-packets are taken whole from the interface. */
  tso: boolean
  /** UDP super-packets are taken whole from the interface. */
  uso: boolean
  /** Trains of datagrams are sent by one call. */
  gso: boolean
  /** Trains of datagrams are received by one call. */
  gro: boolean
  /** Packets are joined into super-packets for the interface. */
  coalesce: boolean
}

const OFFLOADS: readonly Offload[] = ['tso', 'uso', 'gso', 'gro']

/** The queues that a device may have, `MAX_TAP_QUEUES` of drivers/net/tun.c. */
const QUEUES_MAX = 256

/** Checks which shortcuts are allowed: all that the kernel has, none, or those of a list. */
export function checkOffload(offload: unknown): NativeOffload {
  if (offload === undefined || offload === 'auto') return allowed(OFFLOADS)
  if (offload === false) return allowed([])
  const expected = `"auto", false or a list of ${OFFLOADS.map((name) => `"${name}"`).join(', ')}`
  return allowed(checkNames('offload', offload, OFFLOADS, expected))
}

/** Checks the number of queues; 0 is `auto`, as many as pay. */
export function checkQueues(queues: unknown): number {
  if (queues === undefined || queues === 'auto') return 0
  if (Number.isInteger(queues) && (queues as number) >= 1 && (queues as number) <= QUEUES_MAX)
    return queues as number
  throw invalidArgument('queues', queues, `a whole number from 1 to ${QUEUES_MAX}, or "auto"`)
}

/** The public shape of what the native relay tells. */
export function toOffloadStatus(native: NativeOffload): OffloadStatus {
  const { tso, uso, udpSegment: gso, udpGro: gro, coalesce } = native
  return { tso, uso, gso, gro, coalesce }
}

function allowed(offloads: readonly string[]): NativeOffload {
  const has = (name: Offload) => offloads.includes(name)
  return {
    tso: has('tso'),
    uso: has('uso'),
    udpSegment: has('gso'),
    udpGro: has('gro'),
    coalesce: has('gro'),
  }
}
