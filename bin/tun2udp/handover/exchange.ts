import { TunError, messageOf } from '../../../lib/errors.ts'
import { type Link, closeDescriptors } from '../../../lib/relay/handover/link.ts'

/**
 * The version of the messages. It changes if an older program could not understand them; new fields do not change it,
 * because unknown fields are ignored.
 */
export const PROTOCOL = 1

/** How long each process waits for the next message while packets flow, milliseconds. The other one may look up names. */
export const PREPARING_MS = 60_000

/** How long each process waits for the next message while no packets flow, milliseconds. */
export const PAUSED_MS = 5000

/**
 * The messages, in their order: the running process sends `queue` with the descriptors of each queue, which the new one
 * answers with `next`, then `state`. The new process prepares everything and sends `ready`. The running one pauses its
 * relay and sends `stopped` with the last state. The new one relays from then on, and sends `running`. The old one
 * releases its relay and sends `ended`.
 *
 * If something fails, either process sends `failed`. The running process sends `resumed` if it goes on after `stopped`.
 */
export type Kind =
  'queue' | 'next' | 'state' | 'ready' | 'stopped' | 'running' | 'ended' | 'resumed' | 'failed'

/** A message. */
export interface Message {
  readonly type: Kind
  /** With `queue`: whether further ones follow. */
  readonly isLast?: boolean
  /** With `state` and `stopped`: the state of the relay, as JSON. */
  readonly state?: string
  /** With `failed`: the reason. */
  readonly message?: string
}

/** A message with its descriptors, which the receiver closes. */
export interface Received extends Message {
  readonly descriptors: readonly number[]
}

/** Sends a message. */
export async function send(
  link: Link,
  message: Message,
  descriptors: readonly number[] = [],
): Promise<void> {
  await link.send(JSON.stringify(message), descriptors, PAUSED_MS)
}

/** Receives a message; undefined if the other process has ended or closed the connection. */
export async function receive(link: Link, millis: number): Promise<Received | undefined> {
  const line = await link.receive(millis)
  if (!line) return undefined
  const { text, descriptors } = line
  let message: unknown
  try {
    message = JSON.parse(text)
  } catch {
    message = undefined
  }
  const { type, isLast, state, message: reason } = (message ?? {}) as Partial<Message>
  if (typeof type !== 'string') {
    closeDescriptors(descriptors)
    throw failure(`the other process sent ${JSON.stringify(text.slice(0, 80))}`)
  }
  return {
    type,
    descriptors,
    isLast: isLast !== false,
    ...(typeof state === 'string' ? { state } : {}),
    ...(typeof reason === 'string' ? { message: reason } : {}),
  }
}

/**
 * Returns a message of this kind, and throws for any other one. Only messages with queues have descriptors; those of
 * others are closed.
 */
export function expectKind(received: Received | undefined, kind: Kind): Received {
  if (received && (kind !== 'queue' || received.type !== kind))
    closeDescriptors(received.descriptors)
  if (received?.type === kind) return received
  if (!received) throw failure('the other process has ended')
  if (received.type === 'failed') throw failure(received.message ?? 'the other process failed')
  throw failure(`the other process sent ${received.type} in place of ${kind}`)
}

/** Returns the error of a take-over that failed. */
export function failure(reason: string, cause?: unknown): TunError {
  return new TunError(
    `take over the relay: ${reason}`,
    { code: 'ERR_TUN_INTERRUPTED' },
    cause === undefined ? {} : { cause },
  )
}

/** Reports to the other process why the take-over failed. It may have ended. */
export async function sendFailure(link: Link, error: unknown): Promise<void> {
  await send(link, { type: 'failed', message: messageOf(error) }).catch(() => undefined)
}
