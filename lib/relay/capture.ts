import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type { CaptureStats, NativeCapture, NativeCaptureOptions, NativeRelay } from '#binding'
import { abortSignal, onceAborted, throwIfAborted } from '../check/abort.ts'
import { type Check, checkFields, flag, integer, text } from '../check/fields.ts'
import { checkNames } from '../check/list.ts'
import { type BpfInstruction, checkProgram } from '../device/filter.ts'
import { CAPTURE_BYTES_MIN, SNAP_LENGTH_MAX } from '../check/limits.ts'
import { TunError, fromNative, invalidArgument } from '../errors.ts'
import { KEY, checkKey } from '../lifetime/constructing.ts'

export type { CaptureCounts, CapturePointStats, CaptureStats } from '#binding'

/** Where packets are captured: `inside` at the interface, `outside` at the UDP sockets. */
export type CapturePoint = 'inside' | 'outside'

/** Options of {@link Relay.capture}. Next to neither `path` nor `fd`, the capture is a stream. */
export interface CaptureOptions {
  /** File, or FIFO that has a reader. A new file has the mode 0600. */
  readonly path?: string | URL | undefined
  /** Descriptor of a file, a pipe or a socket. It stays that of the caller, who may close it at once. */
  readonly fd?: number | undefined
  /** Whether an existing file is replaced. Default: false, it is refused. */
  readonly overwrite?: boolean | undefined
  /** Maximum size of a file, bytes, at least 131072. The capture ends there, or begins the next file of `maxFiles`. */
  readonly maxBytes?: number | undefined
  /**
   * Number of files kept, each of `maxBytes`. The number of a file is put in front of the last extension of `path`:
   * `tunnel_00001.pcapng`. The oldest file is removed.
   */
  readonly maxFiles?: number | undefined
  /** Number of packets after which the capture ends. Default: no limit. */
  readonly maxPackets?: number | undefined
  /** Default: both. */
  readonly points?: readonly CapturePoint[] | undefined
  /** Maximum number of bytes per packet, with the headers of a datagram, 1 to 262144. Default: 262144. */
  readonly snapLength?: number | undefined
  /**
   * Which packets are captured: the output of `tcpdump -y RAW -ddd EXPRESSION` (`-y EN10MB` in the mode tap), or the
   * instructions of a classic BPF program. It is run on the packet inside, at both points. Default: all.
   */
  readonly filter?: string | readonly BpfInstruction[] | undefined
  /** Bytes of the buffer of each queue of the relay, at least 131072; twice as many are used. Default: 4194304. */
  readonly bufferBytes?: number | undefined
  /** If it is aborted, the capture is closed. */
  readonly signal?: AbortSignal | undefined
}

const FILTER_MAX = 1 << 20

const path: Check<string> = (what, value) => {
  try {
    const found = value instanceof URL ? fileURLToPath(value) : value
    if (typeof found === 'string' && found !== '' && !found.includes('\0')) return found
  } catch {
    // Not the URL of a file.
  }
  throw invalidArgument(what, value, 'a path or a file: URL')
}

const points: Check<CapturePoint[]> = (what, value) => {
  const expected = 'an array of inside, outside or both'
  const found = checkNames(what, value, ['inside', 'outside'], expected)
  if (found.length > 0) return found
  throw invalidArgument(what, value, expected)
}

const filter: Check<string> = (what, value) => {
  if (typeof value === 'string') return text(1, FILTER_MAX)(what, value)
  const lines = checkProgram(value).map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`)
  return [lines.length, ...lines].join('\n')
}

const FIELDS = {
  path,
  fd: integer(0, 2_147_483_647),
  overwrite: flag,
  maxBytes: integer(CAPTURE_BYTES_MIN, Number.MAX_SAFE_INTEGER),
  maxFiles: integer(1, 99_999),
  maxPackets: integer(1, Number.MAX_SAFE_INTEGER),
  points,
  snapLength: integer(1, SNAP_LENGTH_MAX),
  filter,
  bufferBytes: integer(CAPTURE_BYTES_MIN, 1 << 30),
  signal: abortSignal,
}

/** Options that need a path. */
const OF_PATH = ['overwrite', 'maxBytes', 'maxFiles'] as const

let newCapture: (native: NativeCapture, isStream: boolean, signal?: AbortSignal) => Capture

/**
 * A running capture, in the format pcapng. It ends with `close()`, with its relay, at a limit, or when its reader is gone.
 *
 * @example
 * await using capture = await relay.capture({ path: 'tunnel.pcapng' })
 */
export class Capture implements AsyncDisposable, AsyncIterable<Buffer> {
  /**
   * Settles once everything is written: resolves however the capture was closed, rejects with a {@link TunError} if
   * writing failed, for example on a full disk. You may ignore this promise; it never causes an unhandled rejection.
   */
  readonly closed: Promise<void>

  readonly #native: NativeCapture
  readonly #isStream: boolean
  #isClosed = false
  #readable: Readable | undefined

  private constructor(
    key: typeof KEY,
    native: NativeCapture,
    isStream: boolean,
    signal: AbortSignal | undefined,
  ) {
    checkKey(key, 'Capture', 'relay.capture()')
    this.#native = native
    this.#isStream = isStream
    const release = onceAborted(signal, () => {
      native.close()
    })
    this.closed = this.#untilClosed().finally(release)
    this.closed.catch(() => undefined)
  }

  /** Whether the capture is closed, closing or failed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Returns the counts so far. After the end they keep their last values. */
  stats(): CaptureStats {
    return this.#native.stats()
  }

  /**
   * Returns the bytes of the capture as a stream. Each call returns the same one. Packets for which a slow reader leaves no
   * room are left out and counted. If the stream is destroyed, the capture ends.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if the capture has `path` or `fd`.
   */
  readable(): Readable {
    if (!this.#isStream) {
      throw new TunError(
        'read the capture: it is written to path or fd; leave both out for a stream',
        {
          code: 'ERR_TUN_INVALID_ARGUMENT',
        },
      )
    }
    this.#readable ??= this.#open()
    return this.#readable
  }

  /** Reads the bytes of the capture, as {@link readable} does. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of this.readable()) yield chunk as Buffer
  }

  /**
   * Ends the capture. Packets that passed before are still written; a reader that takes nothing is waited for up to one
   * second. Calling it again has no effect. Resolves even if writing failed: `closed` reports that failure.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#native.close()
    await this.closed.catch(() => undefined)
  }

  /** Closes the capture as `close()` does, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #open(): Readable {
    const native = this.#native
    return new Readable({
      read() {
        native.read().then(
          (chunk) => this.push(chunk),
          (cause: unknown) => this.destroy(fromNative(cause)),
        )
      },
      destroy(error, callback) {
        native.closeReader()
        callback(error)
      },
    })
  }

  async #untilClosed(): Promise<void> {
    try {
      await this.#native.closed()
    } catch (cause) {
      throw fromNative(cause)
    } finally {
      this.#isClosed = true
    }
  }

  static {
    newCapture = (native, isStream, signal) => new Capture(KEY, native, isStream, signal)
  }
}

/** Starts a capture of a relay. */
export async function startCapture(
  relay: Pick<NativeRelay, 'capture'>,
  options: CaptureOptions,
): Promise<Capture> {
  const { signal, points: chosen, ...checked } = checkFields('options', options, FIELDS)
  throwIfAborted(signal)
  if (checked.path !== undefined && checked.fd !== undefined) {
    throw invalidArgument('fd', checked.fd, 'none next to path')
  }
  const ofPath = OF_PATH.find((name) => checked[name] !== undefined)
  if (ofPath !== undefined && checked.path === undefined) {
    throw invalidArgument(ofPath, checked[ofPath], 'none without path')
  }
  if (checked.maxFiles !== undefined && checked.maxBytes === undefined) {
    throw invalidArgument('maxFiles', checked.maxFiles, 'none without maxBytes, the size of each')
  }
  const has = (point: CapturePoint): boolean => chosen?.includes(point) ?? true
  const native: NativeCaptureOptions = {
    ...checked,
    inside: has('inside'),
    outside: has('outside'),
  }
  let started
  try {
    started = await relay.capture(native)
  } catch (cause) {
    throw fromNative(cause)
  }
  if (signal?.aborted) {
    started.close()
    throw signal.reason
  }
  return newCapture(started, checked.path === undefined && checked.fd === undefined, signal)
}
