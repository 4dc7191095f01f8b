import { isIP } from 'node:net'
import { onceAborted, throwIfAborted } from '../../lib/check/abort.ts'
import { TunError } from '../../lib/errors.ts'
import type { FollowedName } from '../../lib/relay/names/follow.ts'
import type { NameTools } from '../../lib/relay/names/peerNames.ts'

interface LookUp {
  readonly name: string
  readonly resolve: (address: string) => void
  readonly reject: (error: Error) => void
}

/** Look-ups of names that wait until the test replies. */
export interface LookUps {
  readonly tools: NameTools
  /** Returns the names of the look-ups that run. */
  readonly running: () => string[]
  /** Replies to the oldest look-up of a name; without an address it fails. */
  readonly reply: (name: string, address?: string) => void
  /** The names that were followed, in their order. */
  readonly followed: FollowedName[]
}

/** Opens look-ups without a resolver. Addresses are their own, as in `resolvePeer()`. */
export function openLookUps(): LookUps {
  const running = new Set<LookUp>()
  const followed: FollowedName[] = []
  const resolve: NameTools['resolve'] = async (name, { signal }) => {
    throwIfAborted(signal)
    if (isIP(name)) return name
    return new Promise((succeed, fail) => {
      const lookUp: LookUp = {
        name,
        resolve: (address) => {
          end()
          succeed(address)
        },
        reject: (error) => {
          end()
          fail(error)
        },
      }
      running.add(lookUp)
      const release = onceAborted(signal, () => {
        lookUp.reject(signal?.reason as Error)
      })
      const end = () => {
        running.delete(lookUp)
        release()
      }
    })
  }
  const follow: NameTools['follow'] = (name) => {
    followed.push(name)
    return Promise.resolve()
  }
  const reply = (name: string, address?: string) => {
    const lookUp = [...running].find((one) => one.name === name)
    if (!lookUp) throw new Error(`no look-up of ${name} runs`)
    if (address !== undefined) lookUp.resolve(address)
    else
      lookUp.reject(
        new TunError(`resolve the peer ${name}: the resolver failed (EAI_AGAIN)`, {
          code: 'ERR_TUN_UNKNOWN_HOST',
        }),
      )
  }
  return {
    tools: { resolve, follow },
    running: () => [...running].map(({ name }) => name),
    reply,
    followed,
  }
}
