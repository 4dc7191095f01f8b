import test from 'ava'
import { startRelay, type RelayOptions, TunError } from '../../../index.ts'
import { startRelayAs } from '../../../lib/relay/relay.ts'
import { FAKE_STATS, fakeBinding } from '../../support/fakeBinding.ts'

const { behaviours, calls, closings } = fakeBinding()

/** Options whose name is also that of the fake's behaviour. */
const options = (name: string, more: Partial<RelayOptions> = {}): RelayOptions => ({
  addresses: ['10.0.0.1/24'],
  sendPort: 5001,
  receivePort: 5002,
  name,
  ...more,
})

const FAILURE = {
  code: 'ERR_TUN_DEVICE_DELETED',
  message: 'read from tun0: gone',
  errno: 77,
  syscall: 'read',
  subject: 'tun0',
}

test('it tells what it became', async (t) => {
  await using relay = await startRelay(options('info', { peer: '::1', listen: '::', mtu: 1400 }))
  t.deepEqual(relay.info, {
    mode: 'tun',
    interface: { name: 'info', ifIndex: 7, mtu: 1400, addresses: ['10.0.0.1/24'] },
    local: { address: '::', port: 5002 },
    peer: { address: '::1', port: 5001 },
    buffers: { receiveBytes: 425_984, sendBytes: 212_992 },
    queues: 2,
    sourcePorts: 1,
  })
})

test('the native layer gets what was checked, and the peer as an address', async (t) => {
  await using relay = await startRelay(
    options('call', {
      peer: 'localhost',
      listen: '127.0.0.1',
      accept: 'any',
      allowedPrefixes: ['10.9.0.0/24', '::ffff:10.8.0.0/112', 'fd09::1'],
      netns: 12,
    }),
  )
  t.truthy(relay)
  t.deepEqual(calls.get('call'), {
    addresses: ['10.0.0.1/24'],
    sendPort: 5001,
    receivePort: 5002,
    name: 'call',
    peer: '127.0.0.1',
    listen: '127.0.0.1',
    accept: 'any',
    allowedPrefixes: ['10.9.0.0/24', '10.8.0.0/16', 'fd09::1'],
    netns: 'pid:12',
  })
})

test('the native layer gets the account that the program is to become, in one text', async (t) => {
  for (const [name, account, user] of [
    ['account1', { user: 'nobody', group: 'nogroup' }, 'nobody:nogroup'],
    ['account2', { user: '65534' }, '65534'],
    ['account3', undefined, undefined],
  ] as const) {
    await using relay = await startRelayAs(options(name), account)
    t.truthy(relay)
    t.is((calls.get(name) as { user?: string }).user, user)
  }
  const refused = startRelayAs(options('account4'), { user: 'a', group: '' })
  await t.throwsAsync(refused, { message: /^Invalid group ""/u })
  t.false(calls.has('account4'))
})

test('stats() has all counters of the native layer, also after the end', async (t) => {
  const relay = await startRelay(options('stats'))
  t.deepEqual(relay.stats(), FAKE_STATS)
  await relay.close()
  t.deepEqual(relay.stats(), FAKE_STATS)
})

test('a defect in the native layer is a TunError too', async (t) => {
  behaviours.set('panic', { stats: 'throw' })
  await using relay = await startRelay(options('panic'))
  t.throws(() => relay.stats(), { instanceOf: TunError, code: 'ERR_TUN_INTERNAL' })
})

test('close() ends it, and again does no harm', async (t) => {
  const relay = await startRelay(options('close'))
  await Promise.all([relay.close(), relay.close()])
  await relay.close()
  await relay[Symbol.asyncDispose]()
  await t.notThrowsAsync(relay.closed)
})

test('await using closes it', async (t) => {
  let closed: Promise<void>
  {
    await using relay = await startRelay(options('using'))
    closed = relay.closed
  }
  t.is(closings.get('using'), 1)
  await t.notThrowsAsync(closed)
})

test('isClosed is true from the call of close() on, and after a failure', async (t) => {
  const relay = await startRelay(options('isClosed'))
  t.false(relay.isClosed)
  const closing = relay.close()
  t.true(relay.isClosed)
  await closing
  behaviours.set('failed', { failure: FAILURE })
  const failed = await startRelay(options('failed'))
  await t.throwsAsync(failed.closed)
  t.true(failed.isClosed)
})

test('closed rejects with why it failed, and close() does not', async (t) => {
  behaviours.set('fail', { failure: FAILURE })
  const relay = await startRelay(options('fail'))
  const error = await t.throwsAsync(relay.closed, { instanceOf: TunError })
  t.like(error, FAILURE)
  await t.notThrowsAsync(relay.close())
})

test('a failure that nobody looks at is no unhandled rejection', async (t) => {
  behaviours.set('alone', { failure: FAILURE })
  await startRelay(options('alone'))
  // AVA fails the whole file for an unhandled rejection.
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.pass()
})

test('a start that fails says why', async (t) => {
  const startError = {
    code: 'ERR_TUN_PERMISSION',
    message: 'open /dev/net/tun: Permission denied; run it as root',
    errno: 13,
  }
  behaviours.set('denied', { startError })
  const error = await t.throwsAsync(startRelay(options('denied')), { instanceOf: TunError })
  t.like(error, startError)
})

test('bad options reject, and nothing is called', async (t) => {
  await t.throwsAsync(startRelay(options('badport', { sendPort: 0 })), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
  })
  t.false(calls.has('badport'))
})

test('the families of both ends have to be one', async (t) => {
  await t.throwsAsync(startRelay(options('family', { peer: '::1', listen: '0.0.0.0' })), {
    message: 'Invalid listen "0.0.0.0": expected an IPv6 address, as the peer ::1 has one',
  })
  t.false(calls.has('family'))
})

test('a name that is none is told', async (t) => {
  const error = await t.throwsAsync(startRelay(options('name', { peer: 'no-such-host.invalid' })), {
    instanceOf: TunError,
    code: 'ERR_TUN_UNKNOWN_HOST',
  })
  // ENOTFOUND if a resolver answers, EAI_AGAIN if none does.
  t.regex(
    error.message,
    /^resolve the peer no-such-host\.invalid: (?:no address is known for this name; check the name|the resolver failed \(EAI_AGAIN\); check \/etc\/resolv\.conf), or give an address$/u,
  )
  t.is(error.syscall, 'getaddrinfo')
  t.is(error.subject, 'no-such-host.invalid')
})

test('aborted before: rejects with the reason, and nothing is called', async (t) => {
  const reason = new Error('not now')
  const error = await t.throwsAsync(
    startRelay(options('before', { signal: AbortSignal.abort(reason) })),
  )
  t.is(error, reason)
  t.false(calls.has('before'))
  await t.throwsAsync(startRelay(options('before', { signal: AbortSignal.abort() })), {
    any: true,
    name: 'AbortError',
  })
})

test('aborted while the name is looked up: rejects at once', async (t) => {
  const controller = new AbortController()
  const started = startRelay(options('lookup', { peer: 'localhost', signal: controller.signal }))
  controller.abort()
  await t.throwsAsync(started, { any: true, name: 'AbortError' })
  t.false(calls.has('lookup'))
})

test('aborted during the start: what was started is closed before it rejects', async (t) => {
  behaviours.set('during', { startDelayMs: 50 })
  const reason = new Error('changed my mind')
  const controller = new AbortController()
  setTimeout(() => {
    controller.abort(reason)
  }, 20)
  const error = await t.throwsAsync(startRelay(options('during', { signal: controller.signal })))
  t.is(error, reason)
  t.is(closings.get('during'), 1)
})

test('aborted during a start that fails: the reason counts', async (t) => {
  behaviours.set('both', { startDelayMs: 50, startError: FAILURE })
  await t.throwsAsync(startRelay(options('both', { signal: AbortSignal.timeout(10) })), {
    any: true,
    name: 'TimeoutError',
  })
})

test('a signal of another realm, or of a polyfill, is followed too', async (t) => {
  const target = new EventTarget()
  const foreign = Object.assign(target, { aborted: false, reason: undefined })
  const relay = await startRelay(options('foreign', { signal: foreign as never }))
  foreign.aborted = true
  target.dispatchEvent(new Event('abort'))
  await relay.closed
  t.is(closings.get('foreign'), 1)
})

test('aborted later: it closes, and closed resolves', async (t) => {
  const controller = new AbortController()
  const relay = await startRelay(options('later', { signal: controller.signal }))
  controller.abort()
  await t.notThrowsAsync(relay.closed)
  t.is(closings.get('later'), 1)
})

test('aborted after the end: nothing happens', async (t) => {
  const controller = new AbortController()
  const relay = await startRelay(options('after', { signal: controller.signal }))
  await relay.close()
  controller.abort()
  await new Promise((resolve) => setImmediate(resolve))
  t.is(closings.get('after'), 1)
})
