// The functions of the public API with correct arguments. `main.mjs` replaces one argument, or one property
// of an argument, at a time.
import { settersOf } from './setters.mjs'

const PACKET = Buffer.from('4500001c00000000401166ce0a0900020a09000100090009000800e3', 'hex')
const MAC = '02:00:00:00:00:01'

/** Names of options, which are read from the tables of the package. */
const names = (set) => Object.keys(set.table)

/**
 * Returns the calls: a name, the function, its correct arguments, and the properties of each argument that is
 * an object.
 */
export function callsOf({ api, tables, tap, relay, netlink, view4, view6 }) {
  const { links, addresses, routes, rules, neighbors } = netlink
  const device = names(tables.DEVICE_OPTIONS)
  const reading = ['reuse', 'superpackets', 'signal', 'maxPackets']
  const streams = ['highWaterMark', 'signal', 'onRefused']
  const header = ['flags', 'gsoType', 'hdrLen', 'gsoSize', 'csumStart', 'csumOffset']
  const route = [
    'destination',
    'link',
    'gateway',
    'metric',
    'table',
    'protocol',
    'scope',
    'type',
    'source',
    'mtu',
    'nextHops',
    'family',
    'tos',
    'from',
    'preference',
  ]
  const rule = [
    'priority',
    'table',
    'family',
    'from',
    'to',
    'mark',
    'inputLink',
    'action',
    'ipProtocol',
    'uidRange',
    'sourcePorts',
  ]
  const neighbor = ['macAddress', 'state', 'proxy', 'router', 'family', 'link']
  const addressOptions = [
    'peer',
    'label',
    'broadcast',
    'scope',
    'metric',
    'protocol',
    'validLifetimeS',
    'preferredLifetimeS',
    'homeAddress',
  ]
  const linkSettings = [
    'mtu',
    'up',
    'name',
    'macAddress',
    'txQueueLength',
    'netns',
    'master',
    'alias',
    'kind',
    'peer',
    'kindData',
  ]
  const persistent = names(tables.CREATE)

  const ofPackage = [
    ['openTun', api.openTun, [{ up: true }], [device]],
    ['openTap', api.openTap, [{ up: true }], [device]],
    [
      'startRelay',
      api.startRelay,
      [{ addresses: ['10.66.0.1'], sendPort: 9, receivePort: 0 }],
      [names(tables.RELAY)],
    ],
    ['createPersistent', api.createPersistent, [{ mode: 'tun' }], [persistent]],
    ['removePersistent', api.removePersistent, ['none0', {}], [[], ['netns', 'cloneDevice']]],
    ['listDevices', api.listDevices, [{}], [['netns']]],
    ['features', api.features, [{}], [['cloneDevice']]],
    ['openNetlink', api.openNetlink, [{}], [['netns', 'signal', 'receiveBufferBytes']]],
    ['createNamespace', api.createNamespace, ['']],
    ['deleteNamespace', api.deleteNamespace, ['']],
    ['sdNotify', api.sdNotify, ['READY=1']],
    ['parseAddress', api.parseAddress, ['10.0.0.1']],
    ['parsePacket', api.parsePacket, [PACKET]],
    ['parseFrame', api.parseFrame, [PACKET]],
    ['internetChecksum', api.internetChecksum, [PACKET, 0]],
    ['fillChecksums', api.fillChecksums, [Buffer.from(PACKET)]],
    ['verifyChecksums', api.verifyChecksums, [PACKET]],
    ...Object.entries(api)
      .filter(([name, value]) => /^class\b/u.test(String(value)) && !/Error$/u.test(name))
      .map(([name, type]) => [`new ${name}`, (...given) => new type(...given), [PACKET, PACKET]]),
  ]
  const method = (object, name, ...rest) => [name, (...given) => object[name](...given), ...rest]
  const ofDevice = [
    method(tap, 'packets', [{}], [reading]),
    method(tap, 'batches', [{}], [reading]),
    method(tap, 'packedBatches', [{}], [reading]),
    method(tap, 'read', [{ signal: AbortSignal.abort() }], [['signal']]),
    method(tap, 'write', [PACKET, {}], [[], ['signal']]),
    method(tap, 'tryWrite', [PACKET]),
    method(tap, 'writeBatch', [[PACKET], {}], [[], ['signal']]),
    method(tap, 'tryWriteBatch', [[PACKET]]),
    method(
      tap,
      'writePacked',
      [{ buffer: PACKET, offsets: Uint32Array.of(0, 28) }, {}],
      [['buffer', 'offsets'], ['signal']],
    ),
    method(
      tap,
      'tryWritePacked',
      [{ buffer: PACKET, offsets: Uint32Array.of(0, 28) }],
      [['buffer', 'offsets']],
    ),
    method(
      tap,
      'writeSuperPacket',
      [{ data: PACKET, header: {} }, {}],
      [['data', 'header'], ['signal']],
    ),
    [
      'writeSuperPacket with a header',
      (given) => tap.writeSuperPacket({ data: PACKET, header: given }),
      [{}],
      [header],
    ],
    method(tap, 'streams', [{}], [streams]),
    method(tap, 'duplex', [{}], [streams]),
    method(tap, 'setCarrier', [true]),
    method(tap, 'setPersistent', [false]),
    method(tap, 'setOwner', [0]),
    method(tap, 'setGroup', [0]),
    method(tap, 'setEbpfFilter', [undefined]),
    method(tap, 'setEbpfSteering', [undefined]),
    method(tap, 'detachQueue', [9]),
    method(tap, 'attachQueue', [9]),
    method(tap, 'setMacFilter', [{ addresses: [MAC] }], [['addresses', 'allMulticast']]),
    method(tap, 'setFilter', [[{ code: 6, k: 65_535 }]]),
    [
      'setFilter of one instruction',
      (given) => tap.setFilter([given]),
      [{ code: 6, k: 65_535 }],
      [['code', 'jt', 'jf', 'k']],
    ],
    method(relay, 'events', [{ signal: AbortSignal.abort() }], [['signal']]),
  ]
  const lists = [
    ['links', links, ['kind', 'master', 'up']],
    ['addresses', addresses, ['family', 'link', 'scope']],
    ['routes', routes, ['family', 'table', 'link', 'protocol']],
    ['rules', rules, ['family', 'table', 'priority']],
    ['neighbors', neighbors, ['family', 'link', 'state', 'proxy']],
  ]
  const stream = async (object, filter) => {
    for await (const item of object.stream(filter)) void item
  }
  const ofSession = [
    ...lists.map(([name, object, filter]) => [
      `${name}.list`,
      (given) => object.list(given),
      [{}],
      [filter],
    ]),
    ...lists.map(([name, object, filter]) => [
      `${name}.stream`,
      (given) => stream(object, given),
      [{}],
      [filter],
    ]),
    ['links.get', (...given) => links.get(...given), ['lo']],
    ['links.find', (...given) => links.find(...given), ['lo']],
    [
      'links.add',
      (...given) => links.add(...given),
      [{ name: 'lo', kind: 'dummy' }],
      [linkSettings],
    ],
    ['links.set', (...given) => links.set(...given), ['none0', {}], [[], linkSettings]],
    ['links.delete', (...given) => links.delete(...given), ['none0']],
    [
      'addresses.add',
      (...given) => addresses.add(...given),
      ['none0', '10.0.0.1', {}],
      [[], [], addressOptions],
    ],
    [
      'addresses.addMany',
      (...given) => addresses.addMany(...given),
      ['none0', ['10.0.0.1'], {}],
      [[], [], addressOptions],
    ],
    [
      'addresses.replace',
      (...given) => addresses.replace(...given),
      ['none0', '10.0.0.1', {}],
      [[], [], addressOptions],
    ],
    [
      'addresses.delete',
      (...given) => addresses.delete(...given),
      ['none0', '10.0.0.1', {}],
      [[], [], ['peer', 'label']],
    ],
    [
      'addresses.flush',
      (...given) => addresses.flush(...given),
      ['none0', {}],
      [[], ['family', 'scope']],
    ],
    [
      'routes.get',
      (...given) => routes.get(...given),
      ['127.0.0.1', {}],
      [[], ['source', 'mark', 'inputLink', 'outputLink', 'tos']],
    ],
    ...['add', 'replace', 'append', 'delete'].map((name) => [
      `routes.${name}`,
      (...given) => routes[name](...given),
      [{ destination: '10.1.0.0/16', link: 'none0' }],
      [route],
    ]),
    [
      'routes.addMany',
      (...given) => routes.addMany(...given),
      [[{ destination: '10.1.0.0/16', link: 'none0' }]],
    ],
    [
      'rules.add',
      (...given) => rules.add(...given),
      [{ priority: 7, table: 77, from: '10.1.0.0/16\0' }],
      [rule],
    ],
    ['rules.delete', (...given) => rules.delete(...given), [{ priority: 7, table: 77 }], [rule]],
    ...['add', 'replace', 'delete'].map((name) => [
      `neighbors.${name}`,
      (...given) => neighbors[name](...given),
      ['none0', '10.0.0.1', {}],
      [[], [], neighbor],
    ]),
    [
      'monitor',
      (...given) => netlink.monitor(...given).close(),
      [['link'], {}],
      [[], ['signal', 'receiveBufferBytes']],
    ],
    [
      'waitFor',
      (...given) => netlink.waitFor(...given),
      ['lo', () => true, { timeoutMs: 5 }],
      [[], [], ['timeoutMs', 'signal']],
    ],
    [
      'ensure',
      (...given) => netlink.ensure(...given),
      [{ link: 'none0' }],
      [['link', 'up', 'mtu', 'addresses', 'routes']],
    ],
  ]
  return [
    ...ofPackage,
    ...ofDevice,
    ...ofSession,
    ...settersOf('ipv4', view4),
    ...settersOf('ipv6', view6),
  ]
}
