import test from 'ava'
import { TunError, fromNative, invalidArgument } from '../../lib/errors.ts'

test('a native error keeps every part', (t) => {
  const parts = {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    message: 'set mtu 70000 of tun0: Invalid argument (mtu greater than device maximum); use less',
    errno: 22,
    syscall: 'RTM_NEWLINK',
    subject: 'tun0',
    kernelMessage: 'mtu greater than device maximum',
    advice: 'use less',
  }
  const error = fromNative(new Error(JSON.stringify(parts)))
  t.true(error instanceof TunError)
  t.true(error instanceof Error)
  t.is(error.name, 'TunError')
  t.like(error, parts)
})

test('a part that is not there is absent', (t) => {
  const error = fromNative(new Error(JSON.stringify({ code: 'ERR_TUN_CLOSED', message: 'closed' })))
  t.deepEqual(Object.keys(error), ['code'])
  t.is(error.errno, undefined)
})

test('what is no native error is a defect, and says so', (t) => {
  for (const text of ['panic', '{}', '[]', 'null', '{"code":1,"message":"x"}', '{"code":"ERR"}']) {
    const error = fromNative(new Error(text))
    t.is(error.code, 'ERR_TUN_INTERNAL')
    t.is(error.message, `native layer: ${text}; this is a defect, please report it`)
  }
  t.is(
    fromNative('thrown text').message,
    'native layer: thrown text; this is a defect, please report it',
  )
})

test('an error that is one already stays as it is', (t) => {
  const error = new TunError('a', { code: 'ERR_TUN_BUSY' })
  t.is(fromNative(error), error)
})

test('a cause is kept', (t) => {
  const cause = new Error('b')
  t.is(new TunError('a', { code: 'ERR_TUN_BUSY' }, { cause }).cause, cause)
})

test('a refused option has its code, its advice and its cause, and shows the beginning of its value', (t) => {
  const cause = new Error('b')
  const refusal = { code: 'ERR_TUN_INVALID_NAME', advice: 'did you mean c?', cause } as const
  const error = invalidArgument('thing', 'x'.repeat(201), 'better', refusal)
  const beginning = `${'x'.repeat(200)}…`
  t.is(error.message, `Invalid thing "${beginning}": expected better; did you mean c?`)
  t.is(error.subject, beginning)
  t.is(error.code, 'ERR_TUN_INVALID_NAME')
  t.is(error.advice, 'did you mean c?')
  t.is(error.cause, cause)
  const plain = invalidArgument('thing', 1, 'better')
  t.is(plain.code, 'ERR_TUN_INVALID_ARGUMENT')
  t.false('advice' in plain)
  t.false('cause' in plain)
})

const shown: [unknown, string][] = [
  ['a"b\n', '"a\\"b\\n"'],
  [1.5, '1.5'],
  [Number.NaN, 'NaN'],
  [10n, '10'],
  [undefined, 'undefined'],
  [null, 'null'],
  [true, 'true'],
  [[], 'array'],
  [{}, 'object'],
  [() => 1, 'function'],
]

for (const [value, text] of shown) {
  test(`a refused ${text} is shown on one line`, (t) => {
    t.is(
      invalidArgument('thing', value, 'better').message,
      `Invalid thing ${text}: expected better`,
    )
  })
}
