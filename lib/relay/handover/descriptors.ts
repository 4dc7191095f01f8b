import { whole } from '../../options/forms.ts'
import type { Form } from '../../options/table.ts'
import { checkFields } from '../../check/fields.ts'
import { checkList } from '../../check/list.ts'
import { QUEUES_MAX } from '../../check/limits.ts'
import { invalidArgument } from '../../errors.ts'

/** The descriptors of one queue of a relay. */
export interface QueueDescriptors {
  /** The queue of the TUN or TAP device. */
  readonly device: number
  /**
   * The UDP sockets of the queue, in any order: those at the receiving port, one per address family, and those at its
   * further source ports.
   */
  readonly sockets: readonly number[]
}

/** Returns the descriptors of queues. */
export function numbersOf(queues: readonly QueueDescriptors[]): number[] {
  return queues.flatMap(({ device, sockets }) => [device, ...sockets])
}

const descriptor = whole(0).check
const EXPECTED = 'descriptors of 1 to 256 queues'

/** The descriptors of all queues. */
export const queueDescriptors: Form<QueueDescriptors[]> = {
  type: 'readonly QueueDescriptors[]',
  check: (what, value) => {
    const queues = checkList(what, value, EXPECTED)
    if (queues.length === 0 || queues.length > QUEUES_MAX) {
      throw invalidArgument(what, value, EXPECTED)
    }
    const checked = queues.map((queue, index) => checkQueue(`${what}[${index}]`, queue))
    const all = numbersOf(checked)
    const twice = all.find((number, index) => all.indexOf(number) !== index)
    if (twice !== undefined) throw invalidArgument(what, twice, 'each descriptor once')
    return checked
  },
}

function checkQueue(what: string, value: unknown): QueueDescriptors {
  const { device, sockets } = checkFields(what, value, {
    device: descriptor,
    sockets: (name, list) =>
      checkList(name, list, 'a list of descriptors').map((one, index) =>
        descriptor(`${name}[${index}]`, one),
      ),
  })
  return {
    device: device ?? descriptor(`${what}.device`, undefined),
    sockets: sockets ?? [],
  }
}
