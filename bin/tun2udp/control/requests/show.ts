import { checkFields } from '../../../../lib/check/fields.ts'
import type { Method } from '../method.ts'
import { takeSnapshot } from '../snapshot.ts'

/** Returns the state of the relay, a `Snapshot`. */
export const show: Method = async (params, { relay, startedAtMs }) => {
  checkFields('params', params, {})
  return takeSnapshot(relay, startedAtMs)
}
