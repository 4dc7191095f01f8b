import test from 'ava'
import { queueDescriptors } from '../../../lib/relay/handover/descriptors.ts'
import { takeStored } from '../../../bin/tun2udp/handover/store.ts'

const check = (value: unknown) => queueDescriptors.check('descriptors', value)

test('descriptors are lists of numbers by queue, each once', (t) => {
  const queues = [
    { device: 3, sockets: [4, 5] },
    { device: 6, sockets: [7] },
  ]
  t.deepEqual(check(queues), queues)
  for (const wrong of [
    [],
    {},
    'x',
    [{ sockets: [4] }],
    [{ device: -1, sockets: [4] }],
    [{ device: 3, sockets: 4 }],
    [{ device: 3, sockets: ['4'] }],
    [{ device: 3, sockets: [3] }],
    [{ device: 3, sockets: [4], more: 1 }],
    Array.from({ length: 257 }, (_, index) => ({ device: index, sockets: [] })),
  ]) {
    t.throws(() => check(wrong), { code: 'ERR_TUN_INVALID_ARGUMENT' }, JSON.stringify(wrong))
  }
})

/** Returns the variables of a service manager that passes descriptors of these names. */
const environment = (names: string, pid = process.pid): NodeJS.ProcessEnv => ({
  LISTEN_PID: String(pid),
  LISTEN_FDS: String(names.split(':').length),
  LISTEN_FDNAMES: names,
})

test('stored descriptors are grouped by their names, in any order', (t) => {
  const names =
    'tun2udp-socket-1:tun2udp-device-0:tun2udp-socket-0:tun2udp-device-1:tun2udp-socket-0'
  const env = environment(names)
  t.deepEqual(takeStored(env), [
    { device: 4, sockets: [5, 7] },
    { device: 6, sockets: [3] },
  ])
  t.deepEqual(env, {}, 'no child uses them')
  t.is(takeStored(env), undefined)
})

test('descriptors of another process are left alone, and foreign ones are refused', (t) => {
  t.is(takeStored(environment('tun2udp-device-0', process.pid + 1)), undefined)
  for (const [names, reason] of [
    ['tun2udp-device-0:stored', /descriptor 4 with the name "stored"/u],
    ['tun2udp-device-0:tun2udp-device-0', /two of this name/u],
    ['tun2udp-socket-0', /no tun2udp-device-0/u],
    ['tun2udp-device-1', /no tun2udp-device-0/u],
  ] as const) {
    t.throws(() => takeStored(environment(names)), { message: reason }, names)
  }
})
