import { checkFields } from '../../../../lib/check/fields.ts'
import { TunError } from '../../../../lib/errors.ts'
import type { Method } from '../method.ts'

/** Reads the configuration file again, as SIGHUP does. Returns the file and the names of the peers that changed. */
export const reload: Method = async (params, { reloader }) => {
  checkFields('params', params, {})
  if (reloader) return reloader.reload()
  const advice = 'start it with --config'
  throw new TunError(`reload: the relay has no configuration file; ${advice}`, {
    code: 'ERR_TUN_UNSUPPORTED',
    advice,
  })
}
