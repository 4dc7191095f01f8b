import * as api from '../../index.ts'
import { withNamespace } from '../support/namespace.ts'
import { rootTest as test } from '../support/skip.ts'
import { type WorkersReport, runWorkers } from '../support/workers.ts'
import { CALLS } from '../support/workers/calls.mjs'

/** Number of workers of all three tests or, for `scripts/soak-workers.sh`, the seconds of each. */
const WORKERS = 510
const SECONDS = Number(process.env['TUN2UDP_WORKERS_SECONDS'] ?? 0)
const SEED = Number(process.env['TUN2UDP_SEED'] ?? Date.now() % 1_000_000)
const NOTHING = { descriptors: [], threads: [], devices: [] }

/** Functions that neither return a promise nor an asynchronous iterator. */
const SYNCHRONOUS = [
  'buildArp',
  'buildEthernet',
  'buildIcmpEcho',
  'buildTcp',
  'buildUdp',
  'fillChecksums',
  'formatMetrics',
  'inNamespace',
  'internetChecksum',
  'parseAddress',
  'parseFrame',
  'parsePacket',
  'verifyChecksums',
  'Namespace.[Symbol.dispose]',
  'Namespace.connect',
  'Namespace.createSocket',
  'Namespace.isClosed',
  'Namespace.keep',
  'Namespace.listen',
  'Namespace.netns',
  'TestNetwork.isClosed',
  'Relay.descriptors',
  'Relay.diagnose',
  'Relay.interfaceState',
  'Relay.isClosed',
  'Relay.stats',
  'Relay.[stats]',
  'Peers.list',
  'Peers.others',
  // `replace()` and `reload()` call it.
  'Peers.[replace]',
  'Netlink.isClosed',
  'Netlink.[Symbol.dispose]',
  'Device.[Symbol.dispose]',
  'Device.keepStats',
  'Device.stats',
  'Device.tryWrite',
  'Device.tryWriteBatch',
  'Device.tryWritePacked',
  'Device.fd',
  'Device.control',
  'Device.deviceClosed',
  'Device.ref',
  'Device.unref',
  'Device.highWaterMark',
  'Device.isClosed',
]

/** The methods and getters of a prototype, as `CALLS` names them. */
function methodsOf(name: string, prototype: object): string[] {
  const keys = Reflect.ownKeys(prototype).filter((key) => key !== 'constructor')
  const nameOf = (key: string | symbol) => {
    // Its description differs between versions of Node.
    if (key === Symbol.asyncDispose) return '[Symbol.asyncDispose]'
    if (key === Symbol.dispose) return '[Symbol.dispose]'
    return typeof key === 'symbol' ? `[${key.description ?? ''}]` : key
  }
  return keys.map((key) => `${name}.${nameOf(key)}`)
}

async function publicNames(): Promise<string[]> {
  await using netlink = await api.openNetlink()
  const { links, addresses, routes, rules, neighbors } = netlink
  const isClass = (value: unknown) => /^class\b/u.test(String(value))
  const functions = Object.entries(api).filter(
    ([, value]) => typeof value === 'function' && !isClass(value),
  )
  const prototypeOf = (value: object) => Object.getPrototypeOf(value) as object
  return [
    ...functions.map(([name]) => name),
    ...methodsOf('Namespace', api.Namespace.prototype),
    ...methodsOf('TestNetwork', api.TestNetwork.prototype),
    ...methodsOf('Relay', api.Relay.prototype),
    ...methodsOf('Peers', api.Peers.prototype),
    ...methodsOf('Netlink', api.Netlink.prototype),
    ...methodsOf('Links', prototypeOf(links)),
    ...methodsOf('Addresses', prototypeOf(addresses)),
    ...methodsOf('Routes', prototypeOf(routes)),
    ...methodsOf('Rules', prototypeOf(rules)),
    ...methodsOf('Neighbors', prototypeOf(neighbors)),
    ...methodsOf('Device', prototypeOf(prototypeOf(prototypeOf(api.TunDevice.prototype)))),
    ...methodsOf('Device', prototypeOf(prototypeOf(api.TunDevice.prototype))),
    ...methodsOf('Device', prototypeOf(api.TunDevice.prototype)),
    ...methodsOf('TapDevice', api.TapDevice.prototype),
  ]
}

test('the workers make every asynchronous call of the public API', async (t) => {
  const covered = new Set([...Object.keys(CALLS), ...SYNCHRONOUS])
  const names = await publicNames()
  t.true(names.length > 60)
  t.deepEqual(
    names.filter((name) => !covered.has(name)),
    [],
  )
})

test('each of these calls works where nothing ends it', async (t) => {
  const namespace = await withNamespace(t)
  t.deepEqual(await runWorkers(namespace, 'check.mjs', { timeoutMs: 110_000 }), {})
})

const RUNS: readonly [title: string, ...flags: string[]][] = [
  ['all calls, the last environment with the addon among them'],
  ['all calls, beside a main thread that uses the package', '--with-package'],
  ['relays alone', '--only=Relay'],
]

for (const [title, ...flags] of RUNS) {
  test(`workers that end at random moments do no harm: ${title}`, async (t) => {
    const [workers, seconds] = SECONDS > 0 ? [1e9, SECONDS] : [WORKERS / RUNS.length, 100]
    t.timeout((seconds + 120) * 1000)
    t.log(`TUN2UDP_SEED=${SEED}`)
    const namespace = await withNamespace(t)
    const report = await runWorkers<WorkersReport>(namespace, 'main.mjs', {
      arguments: [String(workers), String(seconds), String(SEED), ...flags],
      timeoutMs: (seconds + 60) * 1000,
    })
    t.log(`${report.workers} workers`)
    t.deepEqual(report.left, NOTHING)
    // A slower machine reaches the time limit instead. Fewer workers mean that this failed as well.
    t.true(report.workers >= 40)
  })
}
