import test from 'ava'
import type { TunError } from '../../../index.ts'
import { list } from '../../../lib/check/fields.ts'
import { checkList, checkNames } from '../../../lib/check/list.ts'
import { checkDeviceOptions } from '../../../lib/device/options.ts'
import { checkMacFilter, checkProgram } from '../../../lib/device/filter.ts'
import { checkOptions as checkRelayOptions } from '../../../lib/relay/options.ts'

const INVALID = 'ERR_TUN_INVALID_ARGUMENT'
const longest: string[] = []
longest.length = 2 ** 32 - 1

test('a list is copied element by element, and a hole is undefined', (t) => {
  const holed = ['a', 'b', 'c']
  // eslint-disable-next-line @typescript-eslint/no-array-delete -- a hole is meant
  delete holed[1]
  t.deepEqual(checkList('list', holed), ['a', undefined, 'c'] as string[])
  t.true(Object.hasOwn(checkList('list', holed), 1))
  t.deepEqual(checkList('list', new Proxy(['a'], {})), ['a'])
})

test('a class of arrays has no say in the copy', (t) => {
  class Odd extends Array<string> {
    static override get [Symbol.species](): ArrayConstructor {
      throw new Error('not asked')
    }
  }
  t.deepEqual(checkList('list', Odd.from(['a'])), ['a'])
})

test('a list of any length is refused at once, wherever one is taken', (t) => {
  const message = /^Invalid \w+ array: expected .*, at most \d+ of them$/u
  const calls: (() => unknown)[] = [
    () => checkDeviceOptions({ addresses: longest }, false),
    () => checkDeviceOptions({ routes: longest }, false),
    () => checkDeviceOptions({ offload: longest as never }, false),
    () => checkRelayOptions({ addresses: longest, sendPort: 1, receivePort: 2 }),
    () =>
      checkRelayOptions({ addresses: ['10.0.0.1'], routes: longest, sendPort: 1, receivePort: 2 }),
    () =>
      checkRelayOptions({
        addresses: ['10.0.0.1'],
        offload: longest as never,
        sendPort: 1,
        receivePort: 2,
      }),
    () => checkMacFilter({ addresses: longest }),
    () => checkProgram(longest),
    () => list((_, value) => value)('families', longest),
  ]
  for (const call of calls) t.throws(call, { code: INVALID, message })
})

test('what throws while a list is read is the cause of the error', (t) => {
  const reason = new Error('no')
  const refusing = new Proxy(['a'], {
    get: () => {
      throw reason
    },
  })
  const error = t.throws<TunError>(() => checkList('list', refusing), {
    code: INVALID,
    message: 'Invalid list array: expected an array of strings',
  })
  t.is(error.cause, reason)
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  t.throws(() => checkList('list', proxy), { code: INVALID })
})

test('names that are none are shown, whatever they are', (t) => {
  t.throws(() => checkNames('offload', ['tso', Symbol('x'), 5n], ['tso'], 'names'), {
    code: INVALID,
    message: 'Invalid offload "tso,symbol,bigint": expected names',
  })
})

test('texts of any length are refused at once, with their beginning', (t) => {
  const huge = '/'.repeat(2 ** 28)
  const [dots, zeros] = ['a.'.repeat(2 ** 27), 5n ** 1_000_000n]
  const relay = { addresses: ['10.0.0.1'], sendPort: 1, receivePort: 2 }
  const calls: (() => unknown)[] = [
    () => checkDeviceOptions({ addresses: [huge] }, false),
    () => checkDeviceOptions({ name: huge }, false),
    () => checkDeviceOptions({ netns: huge }, false),
    () => checkDeviceOptions({ owner: huge }, false),
    () => checkRelayOptions({ ...relay, peer: dots }),
    () => checkRelayOptions({ ...relay, sendPort: zeros as never }),
    () => checkRelayOptions({ ...relay, receivePort: 5n as never }),
  ]
  for (const call of calls) {
    const error = t.throws<TunError>(call)
    t.regex(error.code, /^ERR_TUN_INVALID_/u)
    t.true(error.message.length < 500, error.message.slice(0, 40))
  }
})
