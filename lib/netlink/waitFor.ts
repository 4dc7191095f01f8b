import { abortSignal, followSignals } from '../check/abort.ts'
import { callback, checkFields, integer, linkRef } from '../check/fields.ts'
import { TunError } from '../errors.ts'
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

const OPTIONS = { signal: abortSignal, timeoutMs: integer(0, 2_147_483_647) }

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
  callback()('predicate', predicate)
  const { signal, timeoutMs } = checkFields('options', options, OPTIONS)
  const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
  // AbortSignal.any() takes signals of its own class only.
  const either = new AbortController()
  const unfollow = followSignals([signal, timeout], (reason) => {
    either.abort(reason)
  })
  try {
    return await untilMatch(links, () => open(either.signal), link, predicate)
  } catch (error) {
    if (timeout?.aborted && error === timeout.reason) throw timedOut(link, timeoutMs ?? 0)
    throw error
  } finally {
    unfollow()
  }
}

async function untilMatch(
  links: Links,
  open: () => Monitor,
  link: LinkRef,
  predicate: LinkPredicate,
): Promise<Link | undefined> {
  // Opened before the first look, so that no change between the two is missed.
  const monitor = open()
  try {
    for (;;) {
      const found = await links.find(link)
      if (predicate(found)) return found
      await monitor.next()
    }
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
