import { TunError, invalidArgument } from '../errors.ts'
import { checkFields, integer, linkRef } from './check.ts'
import type { Link, LinkRef } from './linkTypes.ts'
import type { Links } from './links.ts'
import type { Monitor } from './monitor.ts'

/** What a link is waited for to be; undefined is a link that is not there. */
export type LinkPredicate = (link: Link | undefined) => boolean

/** The options of {@link Netlink.waitFor}. */
export interface WaitOptions {
  /** Ends the wait, which then rejects with its reason. */
  signal?: AbortSignal
  /** How long to wait at most. Default: for ever. */
  timeoutMs?: number
}

/**
 * Waits until a link is as it should be.
 *
 * @param open makes a watch on links, which ends with the signal.
 */
export async function waitForLink(
  links: Links,
  open: (signal: AbortSignal) => Monitor,
  link: LinkRef,
  predicate: LinkPredicate,
  options: WaitOptions,
): Promise<Link | undefined> {
  linkRef('link', link)
  if (typeof (predicate as unknown) !== 'function') {
    throw invalidArgument('predicate', predicate, 'a function')
  }
  const { signal, ...rest } = options
  const checked = checkFields('options', rest, { timeoutMs: integer(0, 2_147_483_647) })
  const timeoutMs = checked['timeoutMs'] as number | undefined
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  const signals = [signal, timeout].filter((one) => one !== undefined)
  // A watch before the first look, so that nothing happens between the two unseen.
  const monitor = open(AbortSignal.any(signals))
  try {
    for (;;) {
      const found = await links.find(link)
      if (predicate(found)) return found
      await monitor.next()
    }
  } catch (error) {
    if (timeout?.aborted && error === timeout.reason) throw timedOut(link, timeoutMs ?? 0)
    throw error
  } finally {
    monitor.close()
  }
}

function timedOut(link: LinkRef, timeoutMs: number): TunError {
  const name = typeof link === 'number' ? `interface ${link}` : link
  return new TunError(`wait for ${name}: it was not as it should be within ${timeoutMs} ms`, {
    code: 'ERR_TUN_TIMEOUT',
    subject: name,
  })
}
