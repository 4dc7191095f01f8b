import { checkFields, integer } from '../../../../lib/check/fields.ts'
import { TunError, messageOf } from '../../../../lib/errors.ts'
import { VERSION } from '../../../../lib/native/version.ts'
import { PASSING } from '../../../../lib/relay/relay.ts'
import { PROTOCOL } from '../../handover/exchange.ts'
import { passOn } from '../../handover/give.ts'
import type { Method } from '../method.ts'

const PARAMS = {
  protocol: integer(1, 65_535),
  version: (_: string, value: unknown) => String(value),
}

let isInProgress = false

/** Passes the relay on to the process of the connection. */
// eslint-disable-next-line @typescript-eslint/require-await -- a method returns a promise
export const takeover: Method = async (params, { relay, connection, output, onHandedOver }) => {
  const { protocol = PARAMS.protocol('protocol', undefined) } = checkFields(
    'params',
    params,
    PARAMS,
  )
  if (protocol !== PROTOCOL) throw otherProtocol(protocol)
  if (isInProgress) {
    const message = 'take over the relay: another process does so already; try again later'
    throw new TunError(message, { code: 'ERR_TUN_BUSY' })
  }
  const { pid } = connection.client
  // Without a descriptor left this fails, and the next process may try.
  const descriptor = connection.detach()
  isInProgress = true
  void connection.answered.then(async () => {
    try {
      onHandedOver(await passOn(relay, descriptor, { pid, output }))
      relay[PASSING].release()
    } catch (error) {
      const message = `process ${pid} did not take over: ${messageOf(error)}; this relay goes on`
      output.notice({ kind: 'takeover-failed', message })
    } finally {
      isInProgress = false
    }
  })
  return { protocol: PROTOCOL, version: VERSION, pid: process.pid }
}

function otherProtocol(protocol: number): TunError {
  const reason = `the running version ${VERSION} has the protocol ${PROTOCOL}, and this one ${protocol}`
  const advice = 'end the running one and start this one without --takeover'
  return new TunError(`take over the relay: ${reason}; ${advice}`, {
    code: 'ERR_TUN_UNSUPPORTED',
    advice,
  })
}
