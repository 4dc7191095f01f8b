import type { ExecutionContext } from 'ava'
import type { TapDevice } from '../../index.ts'
import { tapIn } from './device.ts'
import type { Namespace } from './namespace.ts'

/** The EtherType of IEEE 802 for experiments. */
export const LOCAL_EXPERIMENTAL = '88b5'

/** Frames of 1000 bytes for a station that the bridge does not know; each ends with its number. */
export function frames(count: number, first = 0): Buffer[] {
  const header = Buffer.from(`020000000099020000000002${LOCAL_EXPERIMENTAL}`, 'hex')
  return Array.from({ length: count }, (_, n) =>
    Buffer.concat([header, Buffer.alloc(985), Buffer.of(first + n)]),
  )
}

/** A TAP device that is full after three frames: frames wait in a queue that ends at `v1`. */
export async function slowTap(
  t: ExecutionContext,
  namespace: Namespace,
  rate = '8mbit',
): Promise<TapDevice> {
  const { run } = namespace
  const tap = await tapIn(t, namespace, { name: 't0', sendBufferBytes: 3000, offload: false })
  await run('ip', 'link', 'add', 'br0', 'type', 'bridge')
  await run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  for (const name of ['v0', 't0']) await run('ip', 'link', 'set', name, 'master', 'br0')
  for (const name of ['v1', 'v0', 'br0']) await run('ip', 'link', 'set', name, 'up')
  const filter = ['rate', rate, 'burst', '2kb', 'limit', '4mb']
  await run('tc', 'qdisc', 'add', 'dev', 'v0', 'root', 'tbf', ...filter)
  return tap
}
