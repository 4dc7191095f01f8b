import { onceAborted, throwIfAborted } from '../../check/abort.ts'
import { loadNative } from '../../native/native.ts'

/** The result of a look-up: addresses in the order of getaddrinfo(3), or why there are none. */
export type Found =
  | { readonly addresses: readonly string[] }
  | {
      /** `ENOTFOUND` if the name has no address, otherwise a name of getaddrinfo(3) such as `EAI_AGAIN`. */
      readonly failure: string
    }

/** Looks up the addresses of a name, of one family if it is specified. Rejects with the reason of an abort. */
export type LookUp = (
  name: string,
  family: 4 | 6 | undefined,
  signal: AbortSignal | undefined,
) => Promise<Found>

/** The maximum number of look-ups that run at the same time. Each holds a thread until name servers reply. */
const RUNNING_MAX = 16

let running = 0
const waiting = new Set<() => void>()

/**
 * Looks up a name with getaddrinfo(3): /etc/hosts, nsswitch.conf(5) and search domains apply.
 *
 * It runs on a thread of the addon, so neither the event loop nor the end of the process waits for it. A look-up cannot be
 * cancelled: after an abort it continues, and its result is ignored. It does not keep the process alive.
 */
export const lookUp: LookUp = async (name, family, signal) => {
  const native = await loadNative()
  throwIfAborted(signal)
  return new Promise((resolve, reject) => {
    const start = () => {
      running++
      const settle = (found: Found) => {
        running--
        release()
        resolve(found)
        startNext()
      }
      try {
        native.lookUp(name, family, ({ addresses, failure }) => {
          settle(failure === undefined ? { addresses } : { failure })
        })
      } catch {
        // The system provides no thread. That may change, as a failure of the name server does.
        settle({ failure: 'EAI_AGAIN' })
      }
    }
    const release = onceAborted(signal, () => {
      waiting.delete(start)
      // The reason can be any value, and the caller gets it as it is.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      reject(signal?.reason)
    })
    if (running < RUNNING_MAX) start()
    else waiting.add(start)
  })
}

function startNext(): void {
  const [next] = waiting
  if (!next || running >= RUNNING_MAX) return
  waiting.delete(next)
  next()
}
