import type { ExecutionContext } from 'ava'
import type { Namespace } from './namespace.ts'

/**
 * Asserts that each of four pings from `namespace` to `address` is answered.
 *
 * Once ping(8) has received a reply, it waits for the last one only for its interval, or for twice the longest
 * round trip. The interval is long enough for a busy machine.
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
