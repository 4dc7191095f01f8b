import { setTimeout as sleep } from 'node:timers/promises'
import type { NativeDump, NativeNetlink } from '#binding'
import { TunError, fromNative } from '../errors.ts'

/** A table and the filter of its objects (crate/core/src/netlink/session/table.rs). */
export interface TableQuery {
  readonly table: string
  readonly filter: Readonly<Record<string, unknown>>
}

/** A list of objects, column by column, with shared values written once (crate/core/src/netlink/columns.rs). */
interface Columns {
  readonly length: number
  /** The fields of each object in their order, with the values of the first object. */
  readonly same: Readonly<Record<string, unknown>>
  /** One array per field whose value differs between objects or is itself an object, indexed by object. */
  readonly columns: Readonly<Record<string, readonly unknown[]>>
}

/** Objects per batch: some tenths of a millisecond on the event loop. */
const BATCH_SIZE = 512

/** Objects per batch when a changed table is read again: large, so that JavaScript does not slow down the read. */
const BATCH_SIZE_AGAIN = 65_536

/**
 * Pauses before reading a table again that changed during the read, milliseconds: 6 seconds in total (the same as
 * in crate/core/src/netlink/session/mod.rs).
 */
const PAUSES_MS = [0, 0, 0, 1, 2, 5, 10, 20, 40, 80, 150, 250, 400, 600, 700, 800, 900, 1000, 1000]

/**
 * Reads a table in batches, as fast as the consumer takes them.
 *
 * @throws {TunError} `ERR_TUN_INTERRUPTED` at its end, if the table changed during the read.
 */
export async function* streamTable<T>(
  native: NativeNetlink,
  query: TableQuery,
): AsyncGenerator<T, void, undefined> {
  for await (const batch of batches<T>(native, query)) {
    for (const object of batch) yield object
  }
}

/**
 * Reads a whole table. If it changes during the read, reads it again after a growing pause.
 *
 * @throws {TunError} `ERR_TUN_INTERRUPTED` if it changed in every attempt.
 */
export async function readTable<T>(native: NativeNetlink, query: TableQuery): Promise<T[]> {
  for (let attempt = 0; ; attempt++) {
    try {
      const all: T[][] = []
      const batchSize = attempt === 0 ? BATCH_SIZE : BATCH_SIZE_AGAIN
      for await (const batch of batches<T>(native, query, batchSize)) {
        all.push(batch)
      }
      return all.flat()
    } catch (error) {
      const isInterrupted = error instanceof TunError && error.code === 'ERR_TUN_INTERRUPTED'
      if (!isInterrupted) throw error
      const pause = PAUSES_MS[attempt]
      if (pause === undefined) throw neverStill(error, attempt + 1)
      await sleep(pause)
    }
  }
}

/** Returns the error for a table that changed in every attempt. */
function neverStill(error: TunError, attempts: number): TunError {
  const { subject = 'the objects' } = error
  const advice =
    'give a filter, since a shorter list takes less time, or use stream() and accept that an object may be ' +
    'missing or be there twice'
  const reason = `they changed while they were read, ${attempts} times in succession`
  return new TunError(
    `list ${subject}: ${reason}; ${advice}`,
    { code: 'ERR_TUN_INTERRUPTED', subject, advice },
    { cause: error },
  )
}

async function* batches<T>(
  native: NativeNetlink,
  query: TableQuery,
  batchSize = BATCH_SIZE,
): AsyncGenerator<T[], void, undefined> {
  let dump: NativeDump | undefined
  try {
    dump = await native.dump(JSON.stringify(query), batchSize)
    for (;;) {
      const text = await dump.next()
      if (text === null) return
      yield unpack(JSON.parse(text) as T[] | Columns)
    }
  } catch (error) {
    throw fromNative(error)
  } finally {
    dump?.close()
  }
}

/** Gives each object its own fields. The objects of a batch share one shape (V8's hidden class). */
function unpack<T>(batch: T[] | Columns): T[] {
  if (Array.isArray(batch)) return batch
  const { length, same, columns } = batch
  const objects = Array.from({ length }, () => ({ ...same }))
  for (const [name, column] of Object.entries(columns)) {
    objects.forEach((object, index) => {
      object[name] = column[index]
    })
  }
  return objects as T[]
}
