import test from 'ava'
import type { NativeNetlink } from '#binding'
import { type TunError } from '../../../lib/errors.ts'
import { readTable, streamTable } from '../../../lib/netlink/dump.ts'

const QUERY = { table: 'routes', filter: {} }
const INTERRUPTED = JSON.stringify({ code: 'ERR_TUN_INTERRUPTED', message: 'list routes: changed' })

/** A table of two batches that changes while it is read, the first `interruptions` times. */
function changing(interruptions: number) {
  const counts = { read: 0, closed: 0 }
  const dump = async () => {
    const attempt = ++counts.read
    const batches: (string | null)[] = [`[${attempt}]`, '[0]', null]
    const next = async () => {
      if (batches.length === 1 && attempt <= interruptions) throw new Error(INTERRUPTED)
      return Promise.resolve(batches.shift())
    }
    return Promise.resolve({ next, close: () => counts.closed++ })
  }
  return { counts, native: { dump } as unknown as NativeNetlink }
}

test('a table that changed while it was read is read again, whole', async (t) => {
  const { counts, native } = changing(2)
  t.deepEqual(await readTable<number>(native, QUERY), [3, 0])
  t.deepEqual(counts, { read: 3, closed: 3 })
})

test('one that never rests is an error', async (t) => {
  const { counts, native } = changing(Infinity)
  const error = await t.throwsAsync<TunError>(readTable(native, QUERY))
  t.is(error.code, 'ERR_TUN_INTERRUPTED')
  t.is(counts.read, 20)
  t.is(counts.closed, counts.read)
})

test('a stream tells of it behind what it handed out', async (t) => {
  const { counts, native } = changing(1)
  const told: number[] = []
  const read = async () => {
    for await (const number of streamTable<number>(native, QUERY)) told.push(number)
  }
  t.is((await t.throwsAsync<TunError>(read())).code, 'ERR_TUN_INTERRUPTED')
  t.deepEqual(told, [1, 0])
  t.deepEqual(counts, { read: 1, closed: 1 })
})

/** A table of one batch. */
function table(batch: string): NativeNetlink {
  const batches: (string | null)[] = [batch, null]
  const next = async () => Promise.resolve(batches.shift())
  const dump = async () => Promise.resolve({ next, close: () => undefined })
  return { dump } as unknown as NativeNetlink
}

test('columns become objects, their fields in order', async (t) => {
  const batch = '{"length":2,"same":{"a":1,"b":2,"c":[]},"columns":{"b":[2,3],"c":[[],[7]]}}'
  const objects = await readTable(table(batch), QUERY)
  const expected = [
    { a: 1, b: 2, c: [] },
    { a: 1, b: 3, c: [7] },
  ]
  t.is(JSON.stringify(objects), JSON.stringify(expected))
})
