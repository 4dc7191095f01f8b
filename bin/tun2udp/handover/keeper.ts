import type { Relay, RelayOptions } from '../../../index.ts'
import { TunError, messageOf } from '../../../lib/errors.ts'
import { type Account, PASSING, startRelayAs } from '../../../lib/relay/relay.ts'
import type { Notice } from '../output.ts'

/** Whether a service manager may have passed descriptors, or keeps some: only then the module is loaded. */
const hasManager = (env: NodeJS.ProcessEnv) =>
  env['LISTEN_PID'] !== undefined || env['NOTIFY_SOCKET'] !== undefined

/**
 * Keeps the interface and the sockets in the descriptor store of the service manager, if that has one, so that they
 * survive a restart of the service and a crash.
 */
export class Keeper {
  /** Closes the relay, or aborts its start. */
  readonly signal: AbortSignal

  readonly #closing = new AbortController()
  readonly #ending: AbortSignal
  #relay: Relay | undefined
  /** The names of the descriptors that the service manager has. */
  #names: readonly string[] = []
  #isDiscarded = false

  /** @param ending is aborted when the program must end. */
  constructor(ending: AbortSignal) {
    this.signal = this.#closing.signal
    this.#ending = ending
    const end = () => void this.#end()
    if (ending.aborted) end()
    ending.addEventListener('abort', end, { once: true })
  }

  /**
   * Starts the relay, with the descriptors that the service manager has kept. If they cannot be used, it closes them, so
   * that the next start is one without.
   */
  async start(options: RelayOptions, account: Account | undefined): Promise<Relay> {
    if (process.env['LISTEN_PID'] === undefined) return startRelayAs(options, account)
    const { isUnusable, takeStored } = await import('./store.ts')
    const names = namesIn(process.env)
    try {
      const queues = takeStored(process.env)
      if (!queues) return await startRelayAs(options, account)
      const relay = await startRelayAs({ ...options, descriptors: queues }, account)
      this.#names = names
      this.#relay = relay
      return relay
    } catch (error) {
      if (!isUnusable(error)) throw error
      this.#names = names
      this.discard()
      throw unusable(error)
    }
  }

  /** Passes the descriptors of a running relay to the service manager. A failure is a notice. */
  async keep(relay: Relay, onNotice: (notice: Notice) => void): Promise<void> {
    this.#relay = relay
    if (this.#names.length > 0 || !hasManager(process.env)) return
    const { hasStore, store } = await import('./store.ts')
    if (!hasStore(process.env)) return
    try {
      this.#names = await store(relay)
    } catch (error) {
      onNotice({ kind: 'store', message: `${messageOf(error)}; a restart has a gap` })
    }
  }

  /** Makes the service manager close its descriptors at the end: the interface must go, or cannot be used. */
  discard(): void {
    this.#isDiscarded = true
  }

  /** Ends with the program. */
  async close(onNotice: (notice: Notice) => void): Promise<void> {
    if (!this.#isDiscarded || this.#names.length === 0) return
    try {
      const { forget } = await import('./store.ts')
      await forget(this.#names)
    } catch (error) {
      onNotice({ kind: 'store', message: messageOf(error) })
    }
  }

  /**
   * Ends the relay. If the service manager keeps its descriptors, the interface stays as it is, since the service may be
   * restarted; otherwise the service manager closes them. A persistent interface is rolled back in any case.
   */
  async #end(): Promise<void> {
    if (this.#relay && this.#names.length > 0 && !this.#isDiscarded) {
      try {
        if (await this.#leave(this.#relay)) return
      } catch {
        // The relay has ended.
      }
    }
    this.#closing.abort(this.#ending.reason)
  }

  /** Releases the relay without removing anything. Returns false if it has changes to roll back. */
  async #leave(relay: Relay): Promise<boolean> {
    const passing = relay[PASSING]
    const { changes } = JSON.parse(await passing.pause()) as {
      readonly changes?: readonly unknown[]
    }
    if (changes && changes.length > 0) {
      await passing.reclaim()
      return false
    }
    passing.release()
    return true
  }
}

/** Returns the names of the descriptors that the service manager has passed. */
function namesIn({ LISTEN_FDNAMES: text = '' }: NodeJS.ProcessEnv): string[] {
  return [...new Set(text.split(':'))].filter((name) => name !== '')
}

/** Returns the error of descriptors that cannot be used. It is not about the arguments: the next start may succeed. */
function unusable(cause: unknown): TunError {
  const advice = 'the service manager closes what it has kept, so start the service again'
  const code = 'ERR_TUN_DEVICE_MISMATCH'
  return new TunError(`${messageOf(cause)}; ${advice}`, { code, advice }, { cause })
}
