import { setImmediate as nextTurn } from 'node:timers/promises'
import test from 'ava'
import { InOrder } from '../../../lib/lifetime/inOrder.ts'

test('each work begins after the last one has settled, and has its own result', async (t) => {
  const order = new InOrder()
  const began: string[] = []
  const ends: (() => void)[] = []
  const start = async (name: string) =>
    order.run(async () => {
      began.push(name)
      await new Promise<void>((resolve) => ends.push(resolve))
      return `${name} is done`
    })
  const results = ['a', 'b', 'c'].map(start)
  for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
    await nextTurn()
    t.deepEqual(began, expected)
    ends.at(-1)?.()
  }
  t.deepEqual(await Promise.all(results), ['a is done', 'b is done', 'c is done'])
})

test('a failure is that of its own call, and does not stop the next work', async (t) => {
  const order = new InOrder()
  const rejected = order.run(async () => Promise.reject(new Error('rejected')))
  const thrown = order.run(() => {
    throw new Error('thrown')
  })
  const works = order.run(async () => Promise.resolve('works'))
  await t.throwsAsync(rejected, { message: 'rejected' })
  await t.throwsAsync(thrown, { message: 'thrown' })
  t.is(await works, 'works')
  t.is(await order.run(async () => Promise.resolve('later')), 'later')
})

test('work that a running work adds waits for it, and queues do not wait for each other', async (t) => {
  const [order, other] = [new InOrder(), new InOrder()]
  const log: string[] = []
  let added: Promise<number> | undefined
  await order.run(async () => {
    added = order.run(async () => Promise.resolve(log.push('added')))
    await other.run(async () => Promise.resolve(log.push('other')))
    await nextTurn()
    log.push('first')
  })
  await added
  t.deepEqual(log, ['other', 'first', 'added'])
})
