import type { ExecutionContext } from 'ava'
import type { Namespace } from './namespace.ts'

/**
 * Asserts that each of four pings from `namespace` to `address` is answered.
 *
 * ping(8) waits for the last answer as long as its interval, or twice the longest round trip, and no
 * longer once it has had one: the interval is the patience that a busy machine needs.
 */
export async function assertPing(
  t: ExecutionContext,
  namespace: Namespace,
  address: string,
  payloadBytes = 56,
): Promise<void> {
  const options = ['-c', '4', '-i', '0.5', '-W', '5', '-q', '-s', String(payloadBytes)]
  t.regex(
    await namespace.run('ping', ...options, address),
    /4 packets transmitted, 4 received, 0% packet loss/,
  )
}
