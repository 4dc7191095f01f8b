import type { ExecutionContext } from 'ava'
import { type Relay, type TapDevice, type TunError, inNamespace, startRelay } from '../../index.ts'
import { tapIn } from '../support/device.ts'
import { withNetlink } from '../support/netlink.ts'
import { shapedController } from '../support/shapedSignal.ts'
import { rootTest as test } from '../support/skip.ts'

type Room = Awaited<ReturnType<typeof withNetlink>>
type Case = [name: string, call: (wrong: never) => unknown, property: string, meant: string]

const FRAME = new Uint8Array(60)
const HEADER = { gsotype: 0 }

/** The functions of a device that accept options, each with a wrong property. */
const ofDevice = (tap: TapDevice): Case[] => [
  ['packets', (wrong) => tap.packets(wrong), 'reuses', 'reuse'],
  ['batches', (wrong) => tap.batches(wrong), 'maxpackets', 'maxPackets'],
  ['packedBatches', (wrong) => tap.packedBatches(wrong), 'maxPacket', 'maxPackets'],
  ['packedBatches', (wrong) => tap.packedBatches(wrong), 'superpackets', ''],
  ['read', (wrong) => tap.read(wrong), 'sginal', 'signal'],
  ['write', (wrong) => tap.write(FRAME, wrong), 'signals', 'signal'],
  ['writeBatch', (wrong) => tap.writeBatch([FRAME], wrong), 'signl', 'signal'],
  [
    'writePacked',
    (wrong) => tap.writePacked({ buffer: Buffer.alloc(0), offsets: Uint32Array.of(0) }, wrong),
    'Signal',
    'signal',
  ],
  [
    'writeSuperPacket',
    (wrong) => tap.writeSuperPacket({ data: FRAME, header: {} }, wrong),
    'signal1',
    'signal',
  ],
  ['streams', (wrong) => tap.streams(wrong), 'highWatermark', 'highWaterMark'],
  ['duplex', (wrong) => tap.duplex(wrong), 'onrefused', 'onRefused'],
  ['setMacFilter', (wrong) => tap.setMacFilter(wrong), 'allMulticasts', 'allMulticast'],
]

const ofNetlink = ({ netlink }: Room): Case[] => [
  ['links.list', (wrong) => netlink.links.list(wrong), 'kinds', 'kind'],
  ['links.stream', (wrong) => netlink.links.stream(wrong), 'masters', 'master'],
  ['links.set', (wrong) => netlink.links.set('lo', wrong), 'mut', 'mtu'],
  ['addresses.list', (wrong) => netlink.addresses.list(wrong), 'familly', 'family'],
  ['addresses.add', (wrong) => netlink.addresses.add('lo', '10.0.0.1', wrong), 'labels', 'label'],
  [
    'addresses.replace',
    (wrong) => netlink.addresses.replace('lo', '10.0.0.1', wrong),
    'pear',
    'peer',
  ],
  [
    'addresses.delete',
    (wrong) => netlink.addresses.delete('lo', '10.0.0.1', wrong),
    'lable',
    'label',
  ],
  ['addresses.flush', (wrong) => netlink.addresses.flush('lo', wrong), 'famliy', 'family'],
  ['routes.list', (wrong) => netlink.routes.list(wrong), 'tabel', 'table'],
  ['routes.add', (wrong) => netlink.routes.add(wrong), 'gatway', 'gateway'],
  ['routes.delete', (wrong) => netlink.routes.delete(wrong), 'metrik', 'metric'],
  ['routes.get', (wrong) => netlink.routes.get('10.0.0.1', wrong), 'inputlink', 'inputLink'],
  ['rules.list', (wrong) => netlink.rules.list(wrong), 'famly', 'family'],
  ['rules.add', (wrong) => netlink.rules.add(wrong), 'prority', 'priority'],
  ['neighbors.list', (wrong) => netlink.neighbors.list(wrong), 'lnik', 'link'],
  [
    'neighbors.add',
    (wrong) => netlink.neighbors.add('lo', '10.0.0.1', wrong),
    'macaddress',
    'macAddress',
  ],
  [
    'monitor',
    (wrong) => netlink.monitor(['link'], wrong),
    'receiveBufferByte',
    'receiveBufferBytes',
  ],
  ['waitFor', (wrong) => netlink.waitFor('lo', () => true, wrong), 'timeoutMS', 'timeoutMs'],
  ['ensure', (wrong) => netlink.ensure(wrong), 'adresses', 'addresses'],
]

const ofNamespace = ({ namespace: { name } }: Room): Case[] => {
  const namespace = inNamespace(name)
  return [
    ['inNamespace', (wrong) => inNamespace(name, wrong), 'sginal', 'signal'],
    ['connect', (wrong) => namespace.connect(wrong), 'prot', 'port'],
    ['listen', (wrong) => namespace.listen(wrong), 'backlogs', 'backlog'],
    ['createSocket', (wrong) => namespace.createSocket(wrong), 'reuseAdr', 'reuseAddr'],
  ]
}

/** Starts a relay, which ends with the test. */
async function relayIn(t: ExecutionContext, { namespace: { name } }: Room): Promise<Relay> {
  const ports = { sendPort: 9, receivePort: 0 }
  const relay = await startRelay({ addresses: ['10.9.0.1/24'], ...ports, netns: name })
  t.teardown(async () => relay.close())
  return relay
}

const ofRelay = (relay: Relay): Case[] => [
  ['capture', (wrong) => relay.capture(wrong), 'snaplength', 'snapLength'],
]

test('no function of a device, a relay or a session takes a property that it does not know', async (t) => {
  const room = await withNetlink(t)
  const tap = await tapIn(t, room.namespace)
  for (const [name, call, property, meant] of [
    ...ofDevice(tap),
    ...ofNetlink(room),
    ...ofNamespace(room),
    ...ofRelay(await relayIn(t, room)),
  ]) {
    const error = await t.throwsAsync<TunError>(
      // eslint-disable-next-line @typescript-eslint/require-await -- what is thrown is a rejection
      (async () => call({ [property]: undefined } as never))(),
      // Sessions belong to the built package, which has a separate class.
      { name: 'TunError' },
      name,
    )
    t.regex(error.message, new RegExp(`^Invalid property of \\w+ "${property}": `, 'u'), name)
    t.is(error.advice, meant === '' ? undefined : `did you mean ${meant}?`, name)
  }
})

test('nor does the header of a packet, or an instruction of a filter', async (t) => {
  const { namespace } = await withNetlink(t)
  const tap = await tapIn(t, namespace)
  await t.throwsAsync(tap.writeSuperPacket({ data: FRAME, header: HEADER as never }), {
    message: /^Invalid property of header "gsotype": .+; did you mean gsoType\?$/u,
  })
  await t.throwsAsync(tap.setFilter([{ code: 6, K: 0 } as never]), {
    message: /^Invalid property of instruction 0 "K": .+; did you mean k\?$/u,
  })
})

test('a signal of any class ends what waits', async (t) => {
  const room = await withNetlink(t)
  const { namespace, netlink } = room
  const tap = await tapIn(t, namespace)
  const waits: [name: string, wait: (signal: AbortSignal) => Promise<unknown>][] = [
    ['read', (signal) => tap.read({ signal })],
    ['packets', (signal) => tap.packets({ signal }).next()],
    ['batches', (signal) => tap.batches({ signal }).next()],
    ['streams', (signal) => tap.streams({ signal }).readable.getReader().read()],
    ['monitor', async (signal) => netlink.monitor(['rule'], { signal }).next()],
    ['waitFor', (signal) => netlink.waitFor('nowhere', (link) => link !== undefined, { signal })],
  ]
  for (const [name, wait] of waits) {
    const { signal, abort } = shapedController()
    const reason = new Error(name)
    const ended = t.throwsAsync(wait(signal), { is: reason }, name)
    // Once it waits: nothing is read in this namespace, and no rule changes.
    setTimeout(() => {
      abort(reason)
    }, 20)
    await ended
    await t.throwsAsync(wait(signal), { is: reason }, `${name}, aborted before`)
  }
  const { signal, abort } = shapedController()
  const relay = await relayIn(t, room)
  const capture = await relay.capture({ signal })
  t.false(capture.isClosed)
  const reason = new Error('capture')
  abort(reason)
  await capture.closed
  t.true(capture.isClosed)
  await t.throwsAsync(relay.capture({ signal }), { is: reason })
})
