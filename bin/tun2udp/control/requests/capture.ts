import { closeSync } from 'node:fs'
import type { CaptureOptions } from '../../../../index.ts'
import { type Check, checkFields } from '../../../../lib/check/fields.ts'
import type { Method } from '../method.ts'

const anything: Check = (_, value) => value

/** The library checks the values. */
const PARAMS = {
  points: anything,
  snapLength: anything,
  filter: anything,
  maxPackets: anything,
}

/**
 * Captures packets. Behind the answer, the connection carries the bytes of a pcapng file. The capture ends when the client
 * closes its half of the connection, which then gets the rest.
 */
export const capture: Method = async (params, { relay, connection }) => {
  const options = checkFields('params', params, PARAMS) as CaptureOptions
  // A refused option is an error of the answer: afterwards there are no answers.
  const trial = await relay.capture({ ...options, path: '/dev/null' })
  await trial.close()
  const fd = connection.detach()
  void connection.answered
    .then(async () => relay.capture({ ...options, fd }))
    // The relay has ended in the meantime: the client notices the end of the connection.
    .catch(() => undefined)
    .finally(() => {
      closeSync(fd)
    })
  return {}
}
