import test from 'ava'
import type { TapOptions } from '../../../lib/options/declarations.ts'
import { checkDeviceOptions } from '../../../lib/device/options.ts'

const native = (options: TapOptions, isTap = false) => checkDeviceOptions(options, isTap).native

test('without options a device is up, with super-packets', (t) => {
  t.deepEqual(checkDeviceOptions({}, false), {
    highWaterMark: 256,
    signal: undefined,
    native: {
      isTap: false,
      mustExist: false,
      exclusive: false,
      ioUring: true,
      noCarrier: false,
      napi: false,
      napiFrags: false,
      multiQueue: false,
      packetInformation: false,
      queues: 1,
      tso: true,
      uso: true,
      coalesce: true,
      vnetHeaderBytes: 10,
      addresses: [],
      routes: [],
      up: true,
      linkLocal: false,
    },
  })
})

test('a vnet header is there for super-packets, or when it is asked for', (t) => {
  t.false('vnetHeaderBytes' in native({ offload: false }))
  t.false('vnetHeaderBytes' in native({ offload: [] }))
  t.false('vnetHeaderBytes' in native({ packetInformation: true }))
  t.like(native({ offload: ['uso'] }), { tso: false, uso: true, vnetHeaderBytes: 10 })
  t.like(native({ offload: ['uso'] }), { coalesce: false })
  t.false('vnetHeaderBytes' in native({ offload: ['coalesce'] }))
  t.like(native({ offload: false, vnetHeaderBytes: 12 }), { tso: false, vnetHeaderBytes: 12 })
})

test('what is given is passed on in the form of the native layer', (t) => {
  const options = {
    addresses: ['10.0.0.1', 'fd00::1/64'],
    macAddress: '2:0:0:0:0:FF',
    owner: 0,
    group: 'users',
    netns: 1,
    persistent: false,
    ifIndex: 5,
  }
  t.like(native(options, true), {
    isTap: true,
    addresses: ['10.0.0.1', 'fd00::1/64'],
    macAddress: [2, 0, 0, 0, 0, 255],
    owner: '0',
    group: 'users',
    netns: 'pid:1',
    persistent: false,
    index: 5,
  })
})

test('an interface is created if there is none, always or never', (t) => {
  t.like(native({ create: 'if-missing' }), { mustExist: false, exclusive: false })
  t.like(native({ create: 'always' }), { mustExist: false, exclusive: true })
  t.like(native({ create: 'never', name: 'a' }), { mustExist: true, exclusive: false })
  t.like(native({ create: 'never', fd: 3 }), { mustExist: true, exclusive: false })
})

const REFUSED: readonly [options: object, message: RegExp][] = [
  [{ name: 'a/b' }, /^Invalid name "a\/b"/u],
  [{ cloneDevice: '' }, /^Invalid cloneDevice/u],
  [{ netns: '' }, /^Invalid netns/u],
  [{ fd: -1 }, /^Invalid fd -1: expected a whole number from 0/u],
  [{ fd: 3, name: 'tun0' }, /^Invalid name: a descriptor that is taken over has its own/u],
  [{ create: 'never' }, /^Invalid create: "never" needs the name of an interface/u],
  [{ create: true }, /^Invalid create true: expected "if-missing", "always" or "never"/u],
  [{ create: 'always', fd: 3 }, /^Invalid create: a descriptor that is taken over/u],
  [{ owner: 1.5 }, /^Invalid user 1\.5/u],
  [{ group: 4_294_967_295 }, /^Invalid group/u],
  [{ addresses: '10.0.0.1' }, /^Invalid addresses "10\.0\.0\.1": expected an array/u],
  [{ addresses: ['10.0.0.300'] }, /^Invalid address "10\.0\.0\.300"/u],
  [{ routes: ['10.0.0.1/8'] }, /10\.0\.0\.0\/8/u],
  [{ mtu: 67 }, /^Invalid MTU 67/u],
  [{ ifIndex: 0 }, /^Invalid ifIndex 0/u],
  [{ linkType: 65_536 }, /^Invalid linkType/u],
  [{ txQueueLength: -1 }, /^Invalid txQueueLength/u],
  [{ sendBufferBytes: 0 }, /^Invalid sendBufferBytes/u],
  [{ offload: true }, /^Invalid offload true: expected "auto", false or a list/u],
  [{ offload: ['gso'] }, /^Invalid offload "gso"/u],
  [{ vnetHeaderBytes: 11 }, /^Invalid vnetHeaderBytes 11: expected 10, 12, 20 or 24/u],
  [{ packetInformation: true, offload: 'auto' }, /^Invalid packetInformation true/u],
  [{ packetInformation: true, vnetHeaderBytes: 10 }, /^Invalid packetInformation true/u],
  [{ highWaterMark: 0 }, /^Invalid highWaterMark 0: expected a whole number from 1 to 4096/u],
  [{ signal: 'now' }, /^Invalid signal "now": expected an AbortSignal/u],
  [{ macAddress: '02:00:00:00:00:01' }, /^Invalid macAddress: a TUN device has no MAC address/u],
  [{ napiFrags: true, napi: true }, /^Invalid napiFrags: it is for TAP devices/u],
]

for (const [options, message] of REFUSED) {
  test(`refused: ${JSON.stringify(options)}`, (t) => {
    t.throws(() => native(options), { message, instanceOf: Error })
  })
}

test('refused of a TAP device', (t) => {
  t.throws(() => native({ napiFrags: true }, true), { message: /it takes napi: true beside it/u })
  for (const macAddress of ['', '02:00:00:00:00', '02:00:00-00:00:01', '02:00:00:00:00:01:02', 'x'])
    t.throws(() => native({ macAddress }, true), { message: /^Invalid MAC address/u })
  t.throws(() => checkDeviceOptions(null, true), { message: /^Invalid options null/u })
})
