import test from 'ava'
import { lookUp } from '../../../../lib/relay/names/lookUp.ts'

// A look-up does not keep the process alive.
const alive = setInterval(() => undefined, 1000)
test.after(() => {
  clearInterval(alive)
})

test('the addresses of a name, of one family if it is specified', async (t) => {
  t.deepEqual(await lookUp('localhost', 4, undefined), { addresses: ['127.0.0.1'] })
  const all = await lookUp('localhost', undefined, undefined)
  t.true('addresses' in all && all.addresses.length > 0)
})

test('a name that cannot exist has a failure and no addresses', async (t) => {
  const found = await lookUp('no-such-host.invalid', undefined, undefined)
  // EAI_AGAIN if no name server replies.
  t.true('failure' in found && ['ENOTFOUND', 'EAI_AGAIN'].includes(found.failure))
})

test('more look-ups than may run at the same time all end, except for those that are aborted', async (t) => {
  const reason = new Error('enough')
  const controllers = Array.from({ length: 100 }, () => new AbortController())
  const all = controllers.map(async ({ signal }) => lookUp('localhost', 4, signal))
  for (const [number, controller] of controllers.entries())
    if (number % 2 !== 0) controller.abort(reason)
  const results = await Promise.allSettled(all)
  for (const [number, result] of results.entries()) {
    if (number % 2 === 0)
      t.deepEqual(result, { status: 'fulfilled', value: { addresses: ['127.0.0.1'] } })
    else t.deepEqual(result, { status: 'rejected', reason })
  }
})
