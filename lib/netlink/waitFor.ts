import { abortSignal, followSignals } from '../check/abort.ts'
import { callback, checkFields, integer, linkRef } from '../check/fields.ts'
import { TunError } from '../errors.ts'
import type { Link, LinkRef } from './linkTypes.ts'
import type { Links } from './links.ts'
import type { Monitor } from './monitor.ts'

/** Returns whether a link has the state waited for; gets `undefined` if there is no such link. */
export type LinkPredicate = (link: Link | undefined) => boolean

/** The options of {@link Netlink.waitFor}. */
export interface WaitOptions {
  /** If aborted, the promise rejects with the signal's reason. */
  signal?: AbortSignal
  /** The longest wait, milliseconds. Default: no limit. */
  timeoutMs?: number
}

/**
 * Interval of looking up the link while no change of it is reported, milliseconds. The kernel does not report every
 * change: counters, for example.
 */
const POLL_MS = 250

const OPTIONS = { signal: abortSignal, timeoutMs: integer(0, 2_147_483_647) }

/**
 * Waits until a predicate returns true for a link.
 *
 * @param open opens a monitor of links, which ends with the signal.
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
  // AbortSignal.any() only accepts signals of its own class.
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
  // Opened before the first look-up, so that no change between the two is missed.
  const monitor = open()
  const changed = changesOf(monitor)
  try {
    for (;;) {
      const found = await links.find(link)
      if (predicate(found)) return found
      await changed()
    }
  } finally {
    monitor.close()
  }
}

/** Returns a function that waits for the next event of a monitor, at most until the next look-up is due. */
function changesOf(monitor: Monitor): () => Promise<void> {
  let next: Promise<unknown> | undefined
  return async () => {
    next ??= monitor.next().finally(() => {
      next = undefined
    })
    // The next call gets a rejection too. This promise may no longer be awaited by then.
    next.catch(() => undefined)
    let timer: NodeJS.Timeout | undefined
    const time = new Promise((resolve) => {
      timer = setTimeout(resolve, POLL_MS)
    })
    try {
      await Promise.race([next, time])
    } finally {
      clearTimeout(timer)
    }
  }
}

function timedOut(link: LinkRef, timeoutMs: number): TunError {
  const name = typeof link === 'number' ? `interface ${link}` : link
  return new TunError(`wait for ${name}: it was not as it should be within ${timeoutMs} ms`, {
    code: 'ERR_TUN_TIMEOUT',
    subject: name,
  })
}
