import type { Relay, RelayOptions } from '../../../index.ts'
import { QUEUES_MAX } from '../../../lib/check/limits.ts'
import { TunError, codeOf } from '../../../lib/errors.ts'
import { VERSION } from '../../../lib/native/version.ts'
import type { QueueDescriptors } from '../../../lib/relay/handover/descriptors.ts'
import { type Line, Link, closeDescriptors, closeQueues } from '../../../lib/relay/handover/link.ts'
import { type Account, PASSING, startRelayAs } from '../../../lib/relay/relay.ts'
import { checkSocket, defaultPath } from '../control/path.ts'
import { type Answer, fromRefusal, toLine } from '../control/protocol.ts'
import {
  PAUSED_MS,
  PREPARING_MS,
  PROTOCOL,
  expectKind,
  failure,
  receive,
  send,
  sendFailure,
} from './exchange.ts'

/** The objects that the running process passes on before it stops. */
interface Passed {
  readonly queues: QueueDescriptors[]
  readonly state: string
}

/**
 * Takes over the relay of a running process. Resolves once this process relays and the other one has closed its sockets.
 *
 * If the other process dies after it has passed its descriptors on, this one goes on with what it has.
 *
 * @param path path of the control socket of the other process.
 * @throws {TunError} no relay runs there, the options do not fit it, or it went on. Then nothing is left of this one.
 * @throws the reason of `options.signal` when it was aborted. The other process goes on if this one does not relay yet.
 */
export async function takeOver(
  path: string,
  options: RelayOptions,
  account: Account | undefined,
): Promise<Relay> {
  const { signal } = options
  const link = await connect(checkSocket({ name: path, path }).path)
  // The other process notices the end of the connection, and goes on.
  const end = () => {
    link.close()
  }
  signal?.addEventListener('abort', end)
  try {
    signal?.throwIfAborted()
    const { queues, state } = await ask(link)
    let relay
    try {
      relay = await startRelayAs(options, account, { queues, state, isPaused: true })
    } catch (error) {
      closeQueues(queues)
      await sendFailure(link, error)
      throw error
    }
    await begin(relay, link, { first: state, signal })
    return relay
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', end)
    link.close()
  }
}

/**
 * Returns the path of the control socket of the relay to take over.
 *
 * @throws {TunError} neither a path nor the name of the interface is known.
 */
export function pathOf(control: string | undefined, name: string | undefined): string {
  if (control !== undefined) return control
  const path = name === undefined || name.includes('%') ? undefined : defaultPath(name)
  if (path !== undefined) return path
  const advice = 'give its path with --control, or the name of the interface with --name'
  throw new TunError(`take over the relay: its control socket is not known; ${advice}`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    advice,
  })
}

async function connect(path: string): Promise<Link> {
  try {
    return await Link.connect(path)
  } catch (error) {
    if (codeOf(error) !== 'ERR_TUN_NOT_FOUND') throw error
    const advice = 'start without --takeover, or check --control of both processes'
    throw new TunError(
      `take over the relay: no process listens at ${path}; ${advice}`,
      { code: 'ERR_TUN_NOT_FOUND', subject: path, advice },
      { cause: error },
    )
  }
}

/** Asks the running process for its descriptors and its state. */
async function ask(link: Link): Promise<Passed> {
  const params = { protocol: PROTOCOL, version: VERSION }
  await link.send(toLine({ id: 1, method: 'takeover', params }).trimEnd(), [], PAUSED_MS)
  checkAnswer(await link.receive(PREPARING_MS))
  const queues: QueueDescriptors[] = []
  try {
    for (let isLast = false; !isLast;) {
      const received = expectKind(await receive(link, PREPARING_MS), 'queue')
      const [device, ...sockets] = received.descriptors
      if (device === undefined) throw failure('the other process sent no descriptors')
      queues.push({ device, sockets })
      if (queues.length > QUEUES_MAX) throw failure(`it has more than ${QUEUES_MAX} queues`)
      isLast = received.isLast !== false
      await send(link, { type: 'next' })
    }
    const { state } = expectKind(await receive(link, PREPARING_MS), 'state')
    return { queues, state: state ?? '{}' }
  } catch (error) {
    closeQueues(queues)
    throw error
  }
}

/** Checks the answer to the request, which has no descriptors. */
function checkAnswer(line: Line | null): void {
  if (!line) throw failure('the other process has ended')
  closeDescriptors(line.descriptors)
  let answer: Partial<Answer> | null
  try {
    answer = JSON.parse(line.text) as Partial<Answer> | null
  } catch {
    answer = null
  }
  if (answer && 'result' in answer) return
  if (answer && 'error' in answer) throw fromRefusal(answer.error)
  throw failure(`the other process sent ${JSON.stringify(line.text.slice(0, 80))}`)
}

/** Makes the relay run as soon as the other process has stopped its own. */
async function begin(
  relay: Relay,
  link: Link,
  { first, signal }: { readonly first: string; readonly signal: AbortSignal | undefined },
): Promise<void> {
  let state: string | undefined
  try {
    state = await untilStopped(link)
    signal?.throwIfAborted()
  } catch (error) {
    // The other process goes on.
    await giveUp(relay)
    await sendFailure(link, error)
    throw error
  }
  // If the other process has died, its last state is not known.
  relay[PASSING].resume(state ?? first)
  if (state === undefined) return
  const isHeard = await send(link, { type: 'running' }).then(
    () => true,
    () => false,
  )
  const end = isHeard ? await receive(link, PAUSED_MS).catch(() => undefined) : undefined
  if (end?.type !== 'resumed') return
  await giveUp(relay)
  throw failure('the other process waited too long for this one, and goes on; try again')
}

/** Waits until the other process has stopped. Returns its state; undefined if the process has died. */
async function untilStopped(link: Link): Promise<string | undefined> {
  try {
    await send(link, { type: 'ready' })
  } catch {
    return undefined
  }
  const received = await receive(link, PREPARING_MS)
  return received && expectKind(received, 'stopped').state
}

/** Ends a relay that another process has, without removing anything. */
async function giveUp(relay: Relay): Promise<void> {
  // It may not have begun.
  await relay[PASSING].pause().catch(() => undefined)
  try {
    relay[PASSING].release()
  } catch {
    // A signal has ended it.
  }
  await relay.closed
}
