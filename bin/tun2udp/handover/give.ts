import type { Relay } from '../../../index.ts'
import { checkFields, integer } from '../../../lib/check/fields.ts'
import { TunError, codeOf, messageOf } from '../../../lib/errors.ts'
import { VERSION } from '../../../lib/native/version.ts'
import { Link, closeDescriptors } from '../../../lib/relay/handover/link.ts'
import { PASSING } from '../../../lib/relay/relay.ts'
import type { Method } from '../control/method.ts'
import type { Output } from '../output.ts'
import type { HandedOver } from './handedOver.ts'
import {
  PAUSED_MS,
  PREPARING_MS,
  PROTOCOL,
  expectKind,
  receive,
  send,
  sendFailure,
} from './exchange.ts'

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

/** Passes the relay on over a connection, which it closes after a failure: then the relay goes on. */
async function passOn(
  relay: Relay,
  descriptor: number,
  { pid, output }: { readonly pid: number; readonly output: Output },
): Promise<HandedOver> {
  const link = Link.of(descriptor)
  try {
    await give(relay, link)
  } catch (error) {
    await goOn(relay, link, error, output)
    throw error
  }
  const finish = async () => {
    await send(link, { type: 'ended' }).catch(() => undefined)
    link.close()
  }
  return { pid, finish }
}

/** Passes everything on. The relay is paused then, and the other process relays. */
async function give(relay: Relay, link: Link): Promise<void> {
  const passing = relay[PASSING]
  const queues = relay.descriptors()
  try {
    for (const [index, { device, sockets }] of queues.entries()) {
      const isLast = index === queues.length - 1
      await send(link, { type: 'queue', isLast }, [device, ...sockets])
      expectKind(await receive(link, PREPARING_MS), 'next')
    }
  } finally {
    closeDescriptors(queues.flatMap(({ device, sockets }) => [device, ...sockets]))
  }
  await send(link, { type: 'state', state: await passing.offer() })
  expectKind(await receive(link, PREPARING_MS), 'ready')
  await send(link, { type: 'stopped', state: await passing.pause() })
  expectKind(await receive(link, PAUSED_MS), 'running')
}

/**
 * Goes on with the relay after a failure, and reports it to the other process if that is there. Settings that
 * the other one has changed are restored.
 */
async function goOn(relay: Relay, link: Link, error: unknown, output: Output): Promise<void> {
  try {
    await relay[PASSING].reclaim()
  } catch (cause) {
    // A relay that has ended in the meantime reports that itself.
    if (codeOf(cause) !== 'ERR_TUN_CLOSED') {
      const message = `${messageOf(cause)}; settings of the other process may be left`
      output.notice({ kind: 'takeover-failed', message })
    }
  }
  await send(link, { type: 'resumed' }).catch(() => undefined)
  await sendFailure(link, error)
  link.close()
}

function otherProtocol(protocol: number): TunError {
  const reason = `the running version ${VERSION} has the protocol ${PROTOCOL}, and this one ${protocol}`
  const advice = 'end the running one and start this one without --takeover'
  return new TunError(`take over the relay: ${reason}; ${advice}`, {
    code: 'ERR_TUN_UNSUPPORTED',
    advice,
  })
}
