import { onceAborted } from '../../check/abort.ts'

/** The shortest time between two look-ups of a name, seconds. */
export const TTL_MIN_SECONDS = 5

/** The longest time between two look-ups of a name, seconds. */
export const TTL_MAX_SECONDS = 300

/** The time between two look-ups of a name that no name server knows, for example one of /etc/hosts, seconds. */
export const TTL_DEFAULT_SECONDS = 60

/** The time that name servers have for one reply, and the number of attempts. */
const QUERY = { timeout: 1000, tries: 2 } as const

/** Returns the time to live of a name, seconds. Never rejects. */
export type TimeToLive = (
  name: string,
  family: 4 | 6 | undefined,
  signal: AbortSignal | undefined,
) => Promise<number>

/**
 * Returns the shortest time to live of a name's records of type A and AAAA, or of one family, seconds. It is limited
 * to {@link TTL_MIN_SECONDS} to {@link TTL_MAX_SECONDS}, and {@link TTL_DEFAULT_SECONDS} if no name server replies.
 *
 * getaddrinfo(3) does not report it, so the name servers are asked directly, with sockets of the event loop.
 */
export const timeToLive: TimeToLive = async (name, family, signal) => {
  if (signal?.aborted) return TTL_DEFAULT_SECONDS
  // Only names need the module. `import()` would end a process that has the library in a context of `node:vm`.
  const { Resolver } = process.getBuiltinModule('node:dns/promises')
  // A new one reads /etc/resolv.conf again.
  const resolver = new Resolver(QUERY)
  const release = onceAborted(signal, () => {
    resolver.cancel()
  })
  try {
    const replies = await Promise.allSettled([
      family === 6 ? [] : resolver.resolve4(name, { ttl: true }),
      family === 4 ? [] : resolver.resolve6(name, { ttl: true }),
    ])
    return limitTimeToLive(
      replies.flatMap((reply) => (reply.status === 'fulfilled' ? reply.value : [])),
    )
  } finally {
    release()
  }
}

/**
 * Returns the shortest time to live of records, with the limits of {@link timeToLive}. Other runtimes return addresses
 * without it.
 */
export function limitTimeToLive(records: readonly unknown[]): number {
  const times = records
    .map((record) => (record as { ttl?: unknown }).ttl)
    .filter((ttl): ttl is number => typeof ttl === 'number' && ttl >= 0)
  if (times.length === 0) return TTL_DEFAULT_SECONDS
  return Math.min(Math.max(Math.min(...times), TTL_MIN_SECONDS), TTL_MAX_SECONDS)
}
