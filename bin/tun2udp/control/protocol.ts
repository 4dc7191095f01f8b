import { checkFields, integer, text } from '../../../lib/check/fields.ts'
import { TunError, type TunErrorCode, codeOf, messageOf } from '../../../lib/errors.ts'

/** The longest request without its line feed, bytes. */
export const REQUEST_BYTES_MAX = 65_536

/** The longest answer that a client reads, bytes: room for the largest list of peers. */
export const ANSWER_BYTES_MAX = 256 << 20

const LINE_FEED = 0x0a

/** A request: one JSON object on one line. */
export interface Request {
  /** Chosen by the client, 0 to 2^53 - 1. The answer has the same. */
  readonly id: number
  readonly method: string
  readonly params: unknown
}

/** The error of an answer. */
export interface Refusal {
  readonly code: TunErrorCode
  readonly message: string
}

/** An answer: one JSON object on one line. `id` is null if that of the request could not be read. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number | null; readonly error: Refusal }

/** Splits bytes into lines of a limited length. */
export class LineReader {
  readonly #max: number
  readonly #lines: Buffer[] = []
  #parts: Uint8Array[] = []
  #length = 0
  #isTooLong = false

  /** @param max the longest line without its line feed, bytes. */
  constructor(max: number) {
    this.#max = max
  }

  /** Adds bytes. After a line that is too long, they are ignored. */
  push(chunk: Uint8Array): void {
    let start = 0
    while (!this.#isTooLong) {
      const end = chunk.indexOf(LINE_FEED, start)
      const part = chunk.subarray(start, end === -1 ? chunk.length : end)
      this.#length += part.length
      if (this.#length > this.#max) {
        this.#isTooLong = true
        this.#parts = []
        return
      }
      if (part.length > 0) this.#parts.push(part)
      if (end === -1) return
      this.#lines.push(Buffer.concat(this.#parts, this.#length))
      this.#parts = []
      this.#length = 0
      start = end + 1
    }
  }

  /** Removes the first complete line; nothing if there is none. */
  next(): Buffer | undefined {
    return this.#lines.shift()
  }

  /** Whether the line behind the complete ones is too long. No line can follow. */
  get isTooLong(): boolean {
    return this.#isTooLong
  }

  /** Removes all other bytes: complete lines with their line feeds, and the beginning of a line. */
  rest(): Buffer {
    const lines = this.#lines.splice(0).flatMap((line) => [line, Buffer.of(LINE_FEED)])
    const bytes = Buffer.concat([...lines, ...this.#parts])
    this.#parts = []
    this.#length = 0
    return bytes
  }
}

const REQUEST = {
  id: integer(0, Number.MAX_SAFE_INTEGER),
  method: text(1, 64),
  params: (_: string, value: unknown) => value,
}

/** Returns the JSON value of a line; throws if it is not JSON in UTF-8. */
export function parseLine(line: Uint8Array): unknown {
  return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line))
}

/**
 * Returns the request on a line, or the answer that refuses it. `isBroken`: the line is not a JSON object, so the client
 * does not use this protocol.
 */
export function parseRequest(
  line: Uint8Array,
): Request | { readonly refused: Answer; readonly isBroken: boolean } {
  let value: unknown
  try {
    value = parseLine(line)
  } catch {
    const reason = 'read the request: not JSON in UTF-8; send one JSON object per line'
    return {
      refused: { id: null, error: { code: 'ERR_TUN_INVALID_ARGUMENT', message: reason } },
      isBroken: true,
    }
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  try {
    const { id, method, params = {} } = checkFields('request', value, REQUEST)
    // A missing one is refused with the message of its check.
    return {
      id: id ?? REQUEST.id('id', undefined),
      method: method ?? REQUEST.method('method', undefined),
      params,
    }
  } catch (error) {
    return { refused: { id: idOf(value), error: toRefusal(error) }, isBroken: !isObject }
  }
}

function idOf(value: unknown): number | null {
  const { id } = (value ?? {}) as { id?: unknown }
  return Number.isSafeInteger(id) && (id as number) >= 0 ? (id as number) : null
}

/** Returns the error of an answer for any thrown value. */
export function toRefusal(error: unknown): Refusal {
  const code = codeOf(error)
  return {
    code: code?.startsWith('ERR_TUN_') ? (code as TunErrorCode) : 'ERR_TUN_INTERNAL',
    message: messageOf(error),
  }
}

/** Returns the error that an answer contains. */
export function fromRefusal({ code, message }: Refusal): TunError {
  return new TunError(message, { code })
}

/** Returns the line of a request or an answer. */
export function toLine(message: Request | Answer): string {
  return `${JSON.stringify(message)}\n`
}
