import { checkFields } from '../../../../lib/check/fields.ts'
import type { EarlyMethod } from '../method.ts'

/** Ends the program as SIGTERM does. The connection is closed when the process has ended. */
// eslint-disable-next-line @typescript-eslint/require-await -- a method returns a promise
export const stop: EarlyMethod = async (params, { connection, end }) => {
  checkFields('params', params, {})
  connection.keepOpen()
  void connection.answered.then(end)
  return {}
}
