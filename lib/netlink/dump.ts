import type { NativeDump, NativeNetlink } from '#binding'
import { TunError, fromNative } from '../errors.ts'

/** Which table, and what of it (crate/core/src/netlink/session/table.rs). */
export interface TableQuery {
  readonly table: string
  readonly filter: Readonly<Record<string, unknown>>
}

/** Objects without what they have in common (crate/core/src/netlink/columns.rs). */
interface Columns {
  readonly length: number
  /** The fields of each object, in their order, with the values of the first. */
  readonly same: Readonly<Record<string, unknown>>
  /** The values of the fields that differ, or are objects themselves, by object. */
  readonly columns: Readonly<Record<string, readonly unknown[]>>
}

/** Objects that are read at a time: some tenths of a millisecond of the event loop. */
const BATCH_SIZE = 512

/** How often a table is read again that changed while it was read. */
const ATTEMPTS_MAX = 20

/**
 * Reads a table bit by bit, as fast as its reader takes it.
 *
 * @throws {TunError} `ERR_TUN_INTERRUPTED` at its end, if the table changed meanwhile.
 */
export async function* streamTable<T>(
  native: NativeNetlink,
  query: TableQuery,
): AsyncGenerator<T, void, undefined> {
  for await (const batch of batches<T>(native, query)) {
    for (const object of batch) yield object
  }
}

/** Reads a whole table, again if it changed meanwhile. */
export async function readTable<T>(native: NativeNetlink, query: TableQuery): Promise<T[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const all: T[][] = []
      for await (const batch of batches<T>(native, query)) {
        all.push(batch)
      }
      return all.flat()
    } catch (error) {
      const isInterrupted = error instanceof TunError && error.code === 'ERR_TUN_INTERRUPTED'
      if (!isInterrupted || attempt === ATTEMPTS_MAX) throw error
    }
  }
}

async function* batches<T>(
  native: NativeNetlink,
  query: TableQuery,
): AsyncGenerator<T[], void, undefined> {
  let dump: NativeDump | undefined
  try {
    dump = await native.dump(JSON.stringify(query), BATCH_SIZE)
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

/** Gives each object its own fields; those of one batch have one shape (V8's hidden class). */
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
