import test from 'ava'
import type { NativeNetlink } from '#binding'
import { TunError } from '../../../lib/errors.ts'
import { Pipeline } from '../../../lib/netlink/pipeline.ts'

/** A native layer that answers each request with its own arguments, and reports which requests were passed together. */
function fake(
  answer = (operation: { op: string; n?: number }): unknown => ({ object: operation.n }),
) {
  const batches: number[] = []
  const run = async (text: string) => {
    const operations = JSON.parse(text) as { op: string; n?: number }[]
    batches.push(operations.length)
    await new Promise((resolve) => setImmediate(resolve))
    return JSON.stringify(operations.map((operation) => answer(operation)))
  }
  return { batches, pipeline: new Pipeline({ run } as unknown as NativeNetlink) }
}

test('what is asked for in one turn crosses together, and each gets its own answer', async (t) => {
  const { batches, pipeline } = fake()
  const asked = Array.from({ length: 1200 }, (_, n) => n)
  t.deepEqual(await Promise.all(asked.map(async (n) => pipeline.submit({ op: 'x', n }))), asked)
  t.deepEqual(batches, [512, 512, 176])
  t.is(await pipeline.submit({ op: 'x', n: 7 }), 7)
  t.deepEqual(batches.length, 4)
})

test('what is asked for meanwhile goes with the next', async (t) => {
  const { batches, pipeline } = fake()
  const first = pipeline.submit({ op: 'x', n: 1 })
  await Promise.resolve()
  const others = [2, 3].map(async (n) => pipeline.submit({ op: 'x', n }))
  t.deepEqual(await Promise.all([first, ...others]), [1, 2, 3])
  t.deepEqual(batches, [1, 2])
})

test('an error is that of its request alone', async (t) => {
  const details = { code: 'ERR_TUN_EXISTS', message: 'add x: File exists', errno: 17 }
  const { pipeline } = fake(({ n }) => (n === 1 ? { error: details } : 'done'))
  const ends = await Promise.allSettled([0, 1, 2].map(async (n) => pipeline.submit({ op: 'x', n })))
  t.deepEqual(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  const error = await t.throwsAsync<TunError>(
    pipeline.submitAll([0, 1, 2].map((n) => ({ op: 'x', n }))),
  )
  t.true(error instanceof TunError)
  t.like(error, details)
})

test('when the crossing fails, all that crossed fail, and the next still goes', async (t) => {
  let calls = 0
  const run = async () => {
    calls += 1
    await Promise.resolve()
    if (calls === 1) throw new Error(JSON.stringify({ code: 'ERR_TUN_CLOSED', message: 'closed' }))
    return calls === 2 ? '["done"]' : '[]'
  }
  const pipeline = new Pipeline({ run } as unknown as NativeNetlink)
  const both = [1, 2].map(async (n) => pipeline.submit({ op: 'x', n }))
  for (const end of await Promise.allSettled(both)) {
    t.like(end, { status: 'rejected', reason: { code: 'ERR_TUN_CLOSED' } } as never)
  }
  t.is(await pipeline.submit({ op: 'x' }), undefined)
  const error = await t.throwsAsync<TunError>(pipeline.submit({ op: 'x' }))
  t.is(error.code, 'ERR_TUN_INTERNAL')
})
