import test from 'ava'
import type { NativeNetlink } from '#binding'
import { Addresses } from '../../../lib/netlink/addresses.ts'
import { Links } from '../../../lib/netlink/links.ts'
import { Monitor } from '../../../lib/netlink/monitor.ts'
import { Neighbors } from '../../../lib/netlink/neighbors.ts'
import { Pipeline } from '../../../lib/netlink/pipeline.ts'
import { Routes } from '../../../lib/netlink/routes.ts'
import { Rules } from '../../../lib/netlink/rules.ts'
import { TunError } from '../../../lib/errors.ts'

/** A native layer that accepts every request. */
const native = {
  run: async (request: string) =>
    Promise.resolve(JSON.stringify((JSON.parse(request) as unknown[]).map(() => 'done'))),
  dump: async () =>
    Promise.resolve({ next: async () => Promise.resolve(null), close: () => undefined }),
  monitor: () => ({ next: async () => Promise.resolve(null), close: () => undefined }),
} as unknown as NativeNetlink

const pipeline = new Pipeline(native)
const links = new Links(native, pipeline)
const addresses = new Addresses(native, pipeline)
const routes = new Routes(native, pipeline)
const rules = new Rules(native, pipeline)
const neighbors = new Neighbors(native, pipeline)
const session = {
  fresh: () => Promise.reject(new Error('not asked for')),
  onOverflow: () => undefined,
}

/** A Proxy of an object or array, each access to which throws. */
function throwing(target: object): object {
  const trap = () => {
    throw new RangeError('trap')
  }
  return new Proxy(target, { get: trap, ownKeys: trap, has: trap, getOwnPropertyDescriptor: trap })
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const hole: unknown[] = []
hole.length = 2
const sparse: unknown[] = []
sparse.length = 2 ** 32 - 1

const WRONG: readonly (() => unknown)[] = [
  () => null,
  () => 5,
  () => 5n,
  () => Symbol('x'),
  () => 'x',
  () => true,
  () => [null],
  () => hole,
  () => sparse,
  () => ({ x: 1 }),
  () => throwing({ destination: 1 }),
  () => throwing([]),
  () => revoked({}),
  () => revoked([]),
  () => ({
    get destination() {
      throw new RangeError('a getter')
    },
  }),
]

type Call = (wrong: never) => unknown
const CALLS: Readonly<Record<string, Call>> = {
  'links.list': (wrong) => links.list(wrong),
  'links.get': (wrong) => ((wrong as unknown) === 'x' ? refused() : links.get(wrong)),
  'links.add': (wrong) => links.add(wrong),
  'links.set': (wrong) => links.set('lo', wrong),
  'links.set altNames': (wrong) =>
    (wrong as unknown) === undefined ? refused() : links.set('lo', { altNames: wrong }),
  'addresses.list': (wrong) => addresses.list(wrong),
  'addresses.add': (wrong) => addresses.add('lo', wrong),
  'addresses.add options': (wrong) => addresses.add('lo', '10.0.0.1', wrong),
  'addresses.addMany': (wrong) => addresses.addMany('lo', wrong),
  'addresses.addMany element': (wrong) => addresses.addMany('lo', [wrong]),
  'addresses.flush': (wrong) => addresses.flush('lo', wrong),
  'routes.list': (wrong) => routes.list(wrong),
  'routes.get': (wrong) => routes.get(wrong),
  'routes.get query': (wrong) => routes.get('10.0.0.1', wrong),
  'routes.add': (wrong) => routes.add(wrong),
  'routes.add destination': (wrong) => routes.add({ destination: wrong }),
  'routes.add nextHops': (wrong) => routes.add({ destination: 'default', nextHops: wrong }),
  'routes.add metrics': (wrong) => routes.add({ destination: 'default', metrics: wrong }),
  'routes.addMany': (wrong) => routes.addMany(wrong),
  'routes.addMany element': (wrong) => routes.addMany([wrong]),
  'routes.delete': (wrong) => routes.delete(wrong),
  'rules.add': (wrong) => rules.add(wrong),
  'rules.add from': (wrong) => rules.add({ from: wrong }),
  'rules.delete': (wrong) => rules.delete(wrong),
  'neighbors.list': (wrong) => neighbors.list(wrong),
  'neighbors.add': (wrong) => neighbors.add('lo', wrong),
  'neighbors.add options': (wrong) => neighbors.add('lo', '10.0.0.1', wrong),
  monitor: (wrong) => Monitor.open(native, session as never, wrong, {}),
  'monitor options': (wrong) => Monitor.open(native, session as never, ['link'], wrong),
}

/** Stands for a call whose value is not wrong there. */
function refused(): never {
  throw new TunError('Invalid test: not wrong here', { code: 'ERR_TUN_INVALID_ARGUMENT' })
}

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name} refuses what is wrong by one error that names the argument`, async (t) => {
    for (const [place, wrong] of WRONG.entries()) {
      const attempt = () => Promise.resolve().then(() => call(wrong() as never))
      // A number is the index of a link.
      if (name === 'links.get' && wrong() === 5) continue
      const error = await t.throwsAsync<TunError>(attempt, { instanceOf: TunError }, `${place}`)
      t.regex(error.message, /^Invalid /u, `${place}`)
      t.regex(error.code, /^ERR_TUN_INVALID_(?:ARGUMENT|NAME)$/u, `${place}`)
    }
  })
}
