import { runInNewContext } from 'node:vm'
import test from 'ava'
import {
  abortSignal,
  followSignals,
  throwIfAborted,
  untilAborted,
} from '../../../lib/check/abort.ts'
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

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

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
  { aborted: false, reason: undefined, addEventListener: 'x' },
  {
    get aborted() {
      throw new Error('a getter')
    },
    addEventListener: nothing,
  },
  revoked(),
  runInNewContext('({ aborted: false })'),
]

for (const [n, value] of REFUSED.entries()) {
  test(`what has not the shape of a signal is refused: ${n}`, (t) => {
    const error = t.throws(() => abortSignal('signal', value), { instanceOf: TunError })
    t.regex(error.message, /^Invalid signal .+: expected an AbortSignal$/u)
  })
}

/** A signal like those of old polyfills: without a reason, and possibly without `removeEventListener`. */
function oldController() {
  const events = new EventTarget()
  let listeners = 0
  const signal = {
    aborted: false,
    addEventListener: (...args: Parameters<EventTarget['addEventListener']>) => {
      listeners += 1
      events.addEventListener(...args)
    },
  }
  const abort = () => {
    signal.aborted = true
    events.dispatchEvent(new Event('abort'))
  }
  return { signal, abort, countListeners: () => listeners }
}

test('a signal without a reason aborts with an AbortError, and is listened to once', async (t) => {
  const { signal, abort, countListeners } = oldController()
  const taken = abortSignal('signal', signal)
  t.is(abortSignal('signal', signal), taken)
  t.is(countListeners(), 1)
  const waiting = untilAborted(new Promise<undefined>(nothing), taken)
  abort()
  t.is((await waiting.catch((reason: unknown) => reason as Error))?.name, 'AbortError')
  const aborted = abortSignal('signal', { aborted: true, addEventListener: nothing })
  t.true(aborted.aborted)
  t.is((aborted.reason as Error).name, 'AbortError')
})

test('the signal of another realm is taken as it is', (t) => {
  const realm = runInNewContext(
    '({ aborted: true, reason: new Error("there"), addEventListener() {}, removeEventListener() {} })',
  ) as AbortSignal
  t.is(abortSignal('signal', realm), realm)
  t.is(
    t.throws(
      () => {
        throwIfAborted(realm)
      },
      { any: true },
    ),
    realm.reason,
  )
})

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
