import test from 'ava'
import {
  TunError,
  createPersistent,
  features,
  listDevices,
  openNetlink,
  openTap,
  openTun,
  removePersistent,
  startRelay,
  testNetwork,
} from '../../../index.ts'

const RELAY = { addresses: ['10.0.0.1'], sendPort: 1, receivePort: 0 }

/**
 * Functions, options of which one is mistyped, and the correct name. Nothing is opened, since all options are
 * checked before.
 */
const CASES: readonly [
  name: string,
  call: (options: never) => Promise<unknown>,
  options: object,
  given: string,
  meant: string,
][] = [
  ['startRelay', (options) => startRelay(options), { ...RELAY, mut: 1400 }, 'mut', 'mtu'],
  ['startRelay', (options) => startRelay(options), { ...RELAY, peeer: null }, 'peeer', 'peer'],
  // Options of the program only, and options that were removed.
  ['startRelay', (options) => startRelay(options), { ...RELAY, user: 'nobody' }, 'user', ''],
  ['startRelay', (options) => startRelay(options), { ...RELAY, onEvent: null }, 'onEvent', ''],
  ['openTun', (options) => openTun(options), { mut: 1400 }, 'mut', 'mtu'],
  ['openTun', (options) => openTun(options), { address: ['10.0.0.1'] }, 'address', 'addresses'],
  ['openTap', (options) => openTap(options), { napiFrag: true }, 'napiFrag', 'napiFrags'],
  [
    'createPersistent',
    (options) => createPersistent(options),
    { mode: 'tun', multiqueue: true },
    'multiqueue',
    'multiQueue',
  ],
  ['removePersistent', (options) => removePersistent('x', options), { netn: 'a' }, 'netn', 'netns'],
  ['listDevices', (options) => listDevices(options), { nets: 'a' }, 'nets', 'netns'],
  ['features', (options) => features(options), { clonedevice: '/x' }, 'clonedevice', 'cloneDevice'],
  [
    'openNetlink',
    (options) => openNetlink(options),
    { namespace: 1, netnss: 'a' },
    'namespace',
    '',
  ],
  ['openNetlink', (options) => openNetlink(options), { netnss: 'a' }, 'netnss', 'netns'],
  ['testNetwork', (options) => testNetwork(options), { host: {} }, 'host', 'hosts'],
]

for (const [name, call, options, given, meant] of CASES) {
  test(`${name} refuses ${given}, and says ${meant || 'nothing like it'}`, async (t) => {
    const error = await t.throwsAsync<TunError>(call(options as never), { instanceOf: TunError })
    t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
    t.is(error.subject, given)
    t.true(error.message.startsWith(`Invalid property of options "${given}": expected one of `))
    t.is(error.advice, meant === '' ? undefined : `did you mean ${meant}?`)
    t.is(error.message.endsWith(`; did you mean ${meant}?`), meant !== '')
  })
}

test('options that are no object are refused by all of them', async (t) => {
  for (const [name, call] of CASES) {
    for (const options of [null, 7, 'x', []]) {
      const error = await t.throwsAsync<TunError>(call(options as never), { instanceOf: TunError })
      t.regex(error.message, /^Invalid options .+: expected an object$/u, name)
    }
  }
})
