import type { NativeInstruction } from '#binding'
import { type Check, checkFields, flag, list, u16, u32, u8 } from '../check/fields.ts'
import { INSTRUCTIONS_MAX } from '../check/limits.ts'
import { checkList } from '../check/list.ts'
import { invalidArgument } from '../errors.ts'
import { parseMac } from '../check/mac.ts'

/** An instruction of a classic BPF program: `struct sock_filter` of linux/filter.h. */
export interface BpfInstruction {
  /** The operation: `BPF_LD`, `BPF_JMP` and so on, with their modifiers. */
  readonly code: number
  /** Instructions to skip if the condition holds. Default: 0. */
  readonly jt?: number | undefined
  /** Instructions to skip if it does not hold. Default: 0. */
  readonly jf?: number | undefined
  /** Operand. Default: 0. */
  readonly k?: number | undefined
}

/** Selects the frames that the reader of a TAP device gets. */
export interface MacFilter {
  /**
   * Ethernet addresses of the stations, at least one. The driver distinguishes eight exactly. Further ones must be
   * multicast and are matched by a hash, which also accepts some other addresses.
   */
  readonly addresses: readonly string[]
  /** Whether all multicast frames pass, including broadcasts. Default: no. */
  readonly allMulticast?: boolean | undefined
}

const stationAddress: Check<number[]> = (_, value) => [...parseMac(value)]
const MAC_FILTER = { addresses: list(stationAddress, 'an array of strings'), allMulticast: flag }

/** Checks a classic BPF program. */
export function checkProgram(program: unknown): NativeInstruction[] {
  const expected = `an array of 1 to ${INSTRUCTIONS_MAX} instructions { code, jt, jf, k }`
  const instructions = checkList('program', program, expected, INSTRUCTIONS_MAX)
  if (instructions.length === 0) throw invalidArgument('program', program, expected)
  return instructions.map((instruction, n) => {
    const of = (check: Check<number>): Check<number> => {
      return (what, value) => check(`${what} of instruction ${n}`, value)
    }
    const fields = { code: of(u16), jt: of(u8), jf: of(u8), k: of(u32) }
    const checked = checkFields(`instruction ${n}`, instruction, fields)
    const code = checked.code ?? fields.code('code', undefined)
    return { jt: 0, jf: 0, k: 0, ...checked, code }
  })
}

/** Checks a filter of stations. */
export function checkMacFilter(filter: unknown): { stations: number[]; allMulticast: boolean } {
  const { addresses, allMulticast = false } = checkFields('filter', filter, MAC_FILTER)
  const stations = addresses ?? MAC_FILTER.addresses('addresses', undefined)
  return { stations: stations.flat(), allMulticast }
}
