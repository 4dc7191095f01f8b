import { type Relay, TunError, sdNotify } from '../../../index.ts'
import { codeOf } from '../../../lib/errors.ts'
import type { QueueDescriptors } from '../../../lib/relay/handover/descriptors.ts'
import { closeQueues } from '../../../lib/relay/handover/link.ts'

/** The first descriptor that a service manager passes (`SD_LISTEN_FDS_START`). */
const FIRST = 3

const NAME = /^tun2udp-(?<kind>device|socket)-(?<queue>\d{1,3})$/u

/**
 * Takes the descriptors that the service manager has passed to this process (sd_listen_fds(3)), and removes the variables
 * that describe them, so that no child uses them. Returns nothing if there are none.
 *
 * @throws {TunError} a descriptor does not belong to a relay.
 */
export function takeStored(env: NodeJS.ProcessEnv): readonly QueueDescriptors[] | undefined {
  const { LISTEN_PID: pid, LISTEN_FDS: count = '', LISTEN_FDNAMES: text = '' } = env
  delete env['LISTEN_PID']
  delete env['LISTEN_FDS']
  delete env['LISTEN_FDNAMES']
  const isOurs = Number(pid) === process.pid && /^[1-9]\d{0,4}$/u.test(count)
  if (!isOurs) return undefined
  return groupByQueue(text.split(':'), Number(count))
}

function groupByQueue(names: readonly string[], count: number): QueueDescriptors[] {
  const queues: { device?: number; sockets: number[] }[] = []
  for (let index = 0; index < count; index++) {
    const name = names[index] ?? ''
    const { kind, queue } = NAME.exec(name)?.groups ?? {}
    if (queue === undefined) throw foreign(FIRST + index, name)
    const own = (queues[Number(queue)] ??= { sockets: [] })
    if (kind === 'socket') own.sockets.push(FIRST + index)
    else if (own.device === undefined) own.device = FIRST + index
    else throw foreign(FIRST + index, name, 'there are two of this name')
  }
  return Array.from(queues, checkQueue)
}

/** Returns whether the service manager keeps descriptors (`FileDescriptorStoreMax=` of systemd 254 or later). */
export function hasStore(env: NodeJS.ProcessEnv): boolean {
  return env['NOTIFY_SOCKET'] !== undefined && Number(env['FDSTORE'] ?? 0) > 0
}

/**
 * Passes duplicates of the descriptors of the relay to the service manager, which keeps them while this process is
 * restarted. Returns the names.
 */
export async function store(relay: Relay): Promise<string[]> {
  const queues = relay.descriptors()
  const names: string[] = []
  try {
    for (const [index, { device, sockets }] of queues.entries()) {
      for (const [kind, descriptors] of [
        ['device', [device]],
        ['socket', sockets],
      ] as const) {
        const name = `tun2udp-${kind}-${index}`
        names.push(name)
        // The manager must not close them because of an error of a datagram.
        await sdNotify(`FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`, descriptors)
      }
    }
  } catch (error) {
    // A part of them would make the next start fail.
    await forget(names).catch(() => undefined)
    throw error
  } finally {
    closeQueues(queues)
  }
  return names
}

/** Makes the service manager close the descriptors of these names. */
export async function forget(names: readonly string[]): Promise<void> {
  for (const name of names) await sdNotify(`FDSTOREREMOVE=1\nFDNAME=${name}`)
}

/** Returns whether a start with stored descriptors would fail again with the same ones. */
export function isUnusable(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code === 'ERR_TUN_DEVICE_MISMATCH' ||
    code === 'ERR_TUN_DEVICE_DELETED' ||
    (error instanceof Error && error.message.startsWith('adopt '))
  )
}

function checkQueue(
  queue: { readonly device?: number; readonly sockets: number[] } | undefined,
  index: number,
): QueueDescriptors {
  const { device, sockets = [] } = queue ?? {}
  if (device !== undefined) return { device, sockets }
  throw new TunError(
    `adopt descriptors of the service manager: there is no tun2udp-device-${index}; start the service again`,
    { code: 'ERR_TUN_INVALID_ARGUMENT' },
  )
}

function foreign(
  descriptor: number,
  name: string,
  reason = 'it does not belong to a relay',
): TunError {
  const advice = 'the service manager must pass only what the relay has stored'
  const subject = String(descriptor)
  return new TunError(
    `adopt the descriptor ${subject} with the name ${JSON.stringify(name)}: ${reason}; ${advice}`,
    { code: 'ERR_TUN_INVALID_ARGUMENT', subject, advice },
  )
}
