// Every asynchronous call of the public API, by its name, for workers that are terminated while it runs.
//
// A call leaves everything open that it opens, like a worker that is terminated. The names of links, devices
// and namespaces that outlive their worker begin with `workerData.run`.
import { workerData } from 'node:worker_threads'

const run = workerData?.run ?? 'stress'

/** A packet of 28 bytes from 10.9.0.2 to 10.9.0.1: UDP, without payload. */
const PACKET = Buffer.from('4500001c00000000401166ce0a0900020a09000100090009000800e3', 'hex')

const tun = (api, options) => api.openTun({ addresses: ['10.9.0.1/24'], ...options })
const relayOptions = { addresses: ['10.9.1.1/24'], sendPort: 9, receivePort: 0 }
const startRelay = (api, options) => api.startRelay({ ...relayOptions, ...options })
const peer = (number) => ({
  name: `p${number}`,
  endpoint: `127.0.0.1:${9 + number}`,
  allowedPrefixes: [`10.9.2.${number}/32`],
})
const hubOptions = { addresses: ['10.9.1.1/24'], receivePort: 0, peers: [peer(1), peer(2)] }
/** Makes a call on the peers of a hub. */
const withPeers = (work) => async (api) => work((await api.startRelay(hubOptions)).peers)
const netlink = (api) => api.openNetlink()

/** Reads to the end; from a device, until it is closed. */
async function readAll(items) {
  for await (const item of items) void item
}

/** A call of one session: opens it, runs `work`, and leaves it open. */
const withNetlink = (work) => async (api) => {
  const session = await netlink(api)
  await work(session, api)
}

/** A call of one device: opens it, runs `work`, and leaves it open. */
const withTun = (work, options) => async (api) => {
  await work(await tun(api, options), api)
}

const DEVICE = {
  'Device.read': withTun((device) => device.read()),
  'Device.[Symbol.asyncIterator]': withTun((device) => readAll(device)),
  'Device.packets': withTun((device) => readAll(device.packets())),
  'Device.batches': withTun((device) => readAll(device.batches())),
  'Device.packedBatches': withTun((device) => readAll(device.packedBatches())),
  'Device.streams': withTun(async (device) => {
    const { readable, writable } = device.streams()
    const writer = writable.getWriter()
    await writer.write(PACKET)
    await readAll(readable)
  }),
  'Device.readable': withTun((device) => readAll(device.readable)),
  'Device.writable': withTun((device) => device.writable.getWriter().write(PACKET)),
  'Device.duplex': withTun(async (device) => {
    const duplex = device.duplex()
    duplex.write(PACKET)
    await readAll(duplex)
  }),
  'Device.write': withTun(async (device) => {
    for (let turn = 0; turn < 100; turn++) await device.write(PACKET)
  }),
  'Device.writeBatch': withTun((device) =>
    device.writeBatch(Array.from({ length: 500 }, () => PACKET)),
  ),
  'Device.writePacked': withTun((device) =>
    device.writePacked({ buffer: PACKET, offsets: Uint32Array.of(0, PACKET.length) }),
  ),
  'Device.writeSuperPacket': withTun((device) =>
    device.writeSuperPacket({ data: PACKET, header: {} }),
  ),
  'Device.close': withTun((device) => device.close()),
  'Device.[Symbol.asyncDispose]': withTun((device) => device[Symbol.asyncDispose]()),
  'Device.closed': withTun((device) => device.closed),
  'Device.link': withTun((device) => device.link()),
  'Device.settings': withTun((device) => device.settings()),
  'Device.namespace': withTun((device) => device.namespace()),
  'Device.setCarrier': withTun((device) => device.setCarrier(true)),
  'Device.setPersistent': withTun((device) => device.setPersistent(false)),
  'Device.setOwner': withTun((device) => device.setOwner(0)),
  'Device.setGroup': withTun((device) => device.setGroup(0)),
  'Device.setEbpfFilter': withTun((device) => device.setEbpfFilter(undefined)),
  'Device.setEbpfSteering': withTun((device) => device.setEbpfSteering(undefined)),
  'Device.detachQueue': withTun((device) => device.detachQueue(0), { queues: 2 }),
  'Device.attachQueue': withTun(
    async (device) => {
      await device.detachQueue(1)
      await device.attachQueue(1)
    },
    { queues: 2 },
  ),
  'TapDevice.setMacFilter': async (api) =>
    (await api.openTap()).setMacFilter({ addresses: ['02:00:00:00:00:01'] }),
  'TapDevice.setFilter': async (api) => (await api.openTap()).setFilter(undefined),
}

/** Returns an address of 10.77.0.0/16, each time another one. */
const address = () => `10.77.${Math.floor(Math.random() * 256)}.${Math.floor(Math.random() * 256)}`
/** Returns a name for a link or a namespace, each time another one. */
const unique = () => `${run}${Math.floor(Math.random() * 1e9).toString(36)}`
const priority = () => 1000 + Math.floor(Math.random() * 1e9)
const route = () => ({ destination: address(), link: 'lo' })

const NETLINK = {
  'Netlink.ensure': withNetlink((session) => session.ensure({ link: 'lo', up: true })),
  'Netlink.monitor': withNetlink((session) => readAll(session.monitor(['link', 'address']))),
  'Netlink.waitFor': withNetlink((session) =>
    session.waitFor('absent', (link) => link !== undefined),
  ),
  'Netlink.close': withNetlink((session) => session.close()),
  'Netlink.closed': withNetlink((session) => session.closed),
  'Netlink.[Symbol.asyncDispose]': withNetlink((session) => session[Symbol.asyncDispose]()),
  'Links.list': withNetlink(({ links }) => links.list()),
  'Links.get': withNetlink(({ links }) => links.get('lo')),
  'Links.find': withNetlink(({ links }) => links.find('lo')),
  'Links.stream': withNetlink(({ links }) => readAll(links.stream())),
  'Links.add': withNetlink(({ links }) => links.add({ name: unique(), kind: 'veth' })),
  'Links.set': withNetlink(({ links }) => links.set('lo', { up: true })),
  'Links.delete': withNetlink(async ({ links }) => {
    const name = unique()
    await links.add({ name, kind: 'veth' })
    await links.delete(name)
  }),
  'Addresses.list': withNetlink(({ addresses }) => addresses.list()),
  'Addresses.stream': withNetlink(({ addresses }) => readAll(addresses.stream())),
  'Addresses.add': withNetlink(({ addresses }) => addresses.add('lo', address())),
  'Addresses.addMany': withNetlink(({ addresses }) => addresses.addMany('lo', [address()])),
  'Addresses.replace': withNetlink(({ addresses }) => addresses.replace('lo', address())),
  'Addresses.delete': withNetlink(async ({ addresses }) => {
    const one = address()
    await addresses.replace('lo', one)
    await addresses.delete('lo', one)
  }),
  'Addresses.flush': withNetlink(({ addresses }) => addresses.flush('lo', { family: 6 })),
  'Routes.list': withNetlink(({ routes }) => routes.list()),
  'Routes.stream': withNetlink(({ routes }) => readAll(routes.stream())),
  'Routes.find': withNetlink(({ routes }) => routes.find([route()])),
  'Routes.get': withNetlink(({ routes }) => routes.get('127.0.0.1')),
  'Routes.add': withNetlink(({ routes }) => routes.add(route())),
  'Routes.addMany': withNetlink(({ routes }) => routes.addMany([route()])),
  'Routes.replace': withNetlink(({ routes }) => routes.replace(route())),
  'Routes.append': withNetlink(({ routes }) => routes.append(route())),
  'Routes.delete': withNetlink(async ({ routes }) => {
    const one = route()
    await routes.replace(one)
    await routes.delete(one)
  }),
  'Rules.list': withNetlink(({ rules }) => rules.list()),
  'Rules.stream': withNetlink(({ rules }) => readAll(rules.stream())),
  'Rules.add': withNetlink(({ rules }) => rules.add({ priority: priority(), table: 77 })),
  'Rules.delete': withNetlink(async ({ rules }) => {
    const rule = { priority: priority(), table: 77 }
    await rules.add(rule)
    await rules.delete(rule)
  }),
  'Neighbors.list': withNetlink(({ neighbors }) => neighbors.list()),
  'Neighbors.stream': withNetlink(({ neighbors }) => readAll(neighbors.stream())),
  'Neighbors.add': withNetlink(({ neighbors }) => neighbors.add('lo', address(), { proxy: true })),
  'Neighbors.replace': withNetlink(({ neighbors }) =>
    neighbors.replace('lo', address(), { proxy: true }),
  ),
  'Neighbors.delete': withNetlink(async ({ neighbors }) => {
    const one = address()
    await neighbors.replace('lo', one, { proxy: true })
    await neighbors.delete('lo', one, { proxy: true })
  }),
}

/** Makes a call on the process's own namespace, as on an open one. */
const inside = (work) => async (api) => work(api.inNamespace('/proc/thread-self/ns/net'), api)

const pair = {
  hosts: { a: {}, b: {} },
  links: [{ ends: { a: '10.9.9.1/24', b: '10.9.9.2/24' } }],
}

const NAMESPACES = {
  'Namespace.run': inside((namespace) => namespace.run('true')),
  'Namespace.openTun': inside((namespace) => namespace.openTun()),
  'Namespace.openTap': inside((namespace) => namespace.openTap()),
  'Namespace.openNetlink': inside((namespace) => namespace.openNetlink()),
  'Namespace.startRelay': inside((namespace) => namespace.startRelay(relayOptions)),
  'Namespace.close': inside((namespace) => namespace.close()),
  'Namespace.closed': inside((namespace) => namespace.closed),
  'Namespace.[Symbol.asyncDispose]': inside((namespace) => namespace[Symbol.asyncDispose]()),
  testNetwork: (api) => api.testNetwork(pair),
  'TestNetwork.close': async (api) => (await api.testNetwork(pair)).close(),
  'TestNetwork.closed': async (api) => (await api.testNetwork(pair)).closed,
  'TestNetwork.[Symbol.asyncDispose]': async (api) =>
    (await api.testNetwork(pair))[Symbol.asyncDispose](),
}

const OTHERS = {
  openTun: (api) => tun(api),
  openTap: (api) => api.openTap(),
  startRelay: (api) => startRelay(api),
  'Relay.capture': async (api) => (await startRelay(api)).capture(),
  'Capture.close': async (api) => (await (await startRelay(api)).capture()).close(),
  'Capture.closed': async (api) => (await (await startRelay(api)).capture()).closed,
  'Capture.readable': async (api) => readAll((await (await startRelay(api)).capture()).readable()),
  'Capture.[Symbol.asyncIterator]': async (api) => readAll(await (await startRelay(api)).capture()),
  'Capture.[Symbol.asyncDispose]': async (api) =>
    (await (await startRelay(api)).capture())[Symbol.asyncDispose](),
  'Relay.reload': async (api) => (await api.startRelay(hubOptions)).reload(hubOptions),
  'Peers.add': withPeers((peers) => peers.add(peer(3))),
  'Peers.set': withPeers((peers) => peers.set('p1', { followPort: false })),
  'Peers.remove': withPeers((peers) => peers.remove('p1')),
  'Peers.replace': withPeers((peers) => peers.replace([peer(2), peer(4)])),
  'Relay.close': async (api) => (await startRelay(api)).close(),
  'Relay.closed': async (api) => (await startRelay(api)).closed,
  'Relay.events': async (api) => readAll((await startRelay(api)).events()),
  'Relay.[Symbol.asyncDispose]': async (api) => (await startRelay(api))[Symbol.asyncDispose](),
  openNetlink: (api) => netlink(api),
  createPersistent: (api) => api.createPersistent({ mode: 'tun', name: `${run}%d` }),
  removePersistent: async (api) => {
    const { name } = await api.createPersistent({ mode: 'tun', name: `${run}%d` })
    await api.removePersistent(name)
  },
  listDevices: (api) => api.listDevices(),
  features: (api) => api.features(),
  sdNotify: (api) => api.sdNotify('READY=1'),
  listNamespaces: (api) => api.listNamespaces(),
  createNamespace: (api) => api.createNamespace(unique()),
  deleteNamespace: async (api) => {
    const name = unique()
    await api.createNamespace(name)
    await api.deleteNamespace(name)
  },
}

/** The calls by name. */
export const CALLS = { ...OTHERS, ...NAMESPACES, ...DEVICE, ...NETLINK }
