import type { Relay } from '../../../index.ts'
import { codeOf, messageOf } from '../../../lib/errors.ts'
import { Link, closeQueues } from '../../../lib/relay/handover/link.ts'
import { PASSING } from '../../../lib/relay/relay.ts'
import type { Output } from '../output.ts'
import type { HandedOver } from './handedOver.ts'
import { PAUSED_MS, PREPARING_MS, expectKind, receive, send, sendFailure } from './exchange.ts'

/** Passes the relay on over a connection, which it closes after a failure: then the relay goes on. */
export async function passOn(
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
    closeQueues(queues)
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
