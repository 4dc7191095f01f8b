import type { NativeInstruction } from '#binding'
import { invalidArgument } from '../errors.ts'
import { checkFlag, checkList, checkWhole } from './check.ts'
import { parseMac } from './mac.ts'

/** An instruction of a classic BPF program: `struct sock_filter` of linux/filter.h. */
export interface BpfInstruction {
  /** What to do: `BPF_LD`, `BPF_JMP` and so on, with their modifiers. */
  readonly code: number
  /** Instructions to skip if the condition holds. Default: 0. */
  readonly jt?: number | undefined
  /** Instructions to skip if it does not. Default: 0. */
  readonly jf?: number | undefined
  /** Operand. Default: 0. */
  readonly k?: number | undefined
}

/** Which frames come to the reader of a TAP device. */
export interface MacFilter {
  /**
   * Ethernet addresses of the stations, one at least. Eight are told apart exactly; further ones must be multicast,
   * and are told apart by a hash that lets others pass too.
   */
  readonly addresses: readonly string[]
  /** Whether all multicast frames pass, broadcast ones too. Default: no. */
  readonly allMulticast?: boolean | undefined
}

/** `BPF_MAXINSNS` of linux/bpf_common.h. */
export const INSTRUCTIONS_MAX = 4096

/** Checks a classic BPF program. */
export function checkProgram(program: unknown): NativeInstruction[] {
  const expected = `an array of 1 to ${INSTRUCTIONS_MAX} instructions { code, jt, jf, k }`
  const instructions: unknown[] = checkList('program', program, expected, INSTRUCTIONS_MAX)
  if (instructions.length === 0) throw invalidArgument('program', program, expected)
  return (instructions as (Partial<BpfInstruction> | null | undefined)[]).map((instruction, n) => ({
    code: checkWhole(`code of instruction ${n}`, instruction?.code, 0, 0xffff),
    jt: checkWhole(`jt of instruction ${n}`, instruction?.jt ?? 0, 0, 0xff),
    jf: checkWhole(`jf of instruction ${n}`, instruction?.jf ?? 0, 0, 0xff),
    k: checkWhole(`k of instruction ${n}`, instruction?.k ?? 0, 0, 0xffff_ffff),
  }))
}

/** Checks a filter of stations. */
export function checkMacFilter(filter: unknown): { stations: number[]; allMulticast: boolean } {
  if (typeof filter !== 'object' || filter === null)
    throw invalidArgument('filter', filter, 'an object with addresses, or undefined for none')
  const { addresses, allMulticast } = filter as Partial<MacFilter>
  return {
    stations: checkList('addresses', addresses).flatMap((address) => [...parseMac(address)]),
    allMulticast: checkFlag('allMulticast', allMulticast, false),
  }
}
