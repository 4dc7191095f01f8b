import { runInNewContext } from 'node:vm'
import test from 'ava'
import { abortSignal, followSignals, throwIfAborted } from '../../../lib/check/abort.ts'
import { TunError } from '../../../lib/errors.ts'
import { shapedController } from '../../support/shapedSignal.ts'

test('a signal is taken by its shape, of whatever class', (t) => {
  const { signal } = new AbortController()
  t.is(abortSignal('signal', signal), signal)
  const shaped = shapedController()
  t.false((shaped.signal as unknown) instanceof AbortSignal)
  t.is(abortSignal('signal', shaped.signal), shaped.signal)
})

const nothing = () => undefined

const REFUSED: readonly unknown[] = [
  null,
  'x',
  {},
  [],
  () => undefined,
  new AbortController(),
  new EventTarget(),
  { aborted: false, reason: undefined },
  { aborted: 'no', reason: undefined, addEventListener: nothing, removeEventListener: nothing },
  { aborted: false, addEventListener: nothing, removeEventListener: nothing },
  { aborted: false, reason: undefined, addEventListener: nothing },
  runInNewContext('({ aborted: false })'),
]

for (const [n, value] of REFUSED.entries()) {
  test(`what has not the shape of a signal is refused: ${n}`, (t) => {
    const error = t.throws(() => abortSignal('signal', value), { instanceOf: TunError })
    t.regex(error.message, /^Invalid signal .+: expected an AbortSignal$/u)
  })
}

test('the reason of an aborted signal is thrown, without a method of the signal', (t) => {
  const { signal, abort } = shapedController()
  throwIfAborted(signal)
  throwIfAborted(undefined)
  const reason = new Error('enough')
  abort(reason)
  t.is(
    t.throws(() => {
      throwIfAborted(signal)
    }),
    reason,
  )
})

test('several signals are followed until that is ended', (t) => {
  const first = shapedController()
  const second = new AbortController()
  const seen: unknown[] = []
  const unfollow = followSignals([first.signal, undefined, second.signal], (reason) => {
    seen.push(reason)
  })
  second.abort('two')
  t.deepEqual(seen, ['two'])
  unfollow()
  first.abort('one')
  t.deepEqual(seen, ['two'])
  followSignals([second.signal], (reason) => {
    seen.push(reason)
  })
  t.deepEqual(seen, ['two', 'two'])
})
