import { type NetlinkEvent, type TunError } from '../../dist/index.js'
import { withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const TIMEOUT_MS = 20_000

async function all(events: AsyncIterable<NetlinkEvent>): Promise<NetlinkEvent[]> {
  return until(events, () => false)
}

/** Returns the events up to the first that matches, or all. */
async function until(
  events: AsyncIterable<NetlinkEvent>,
  isLast: (event: NetlinkEvent) => boolean,
): Promise<NetlinkEvent[]> {
  const all: NetlinkEvent[] = []
  for await (const event of events) {
    all.push(event)
    if (isLast(event)) break
  }
  return all
}

rootTest('what ip changes is told, each kind once', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  const { run } = namespace
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const kinds = ['link', 'address', 'route', 'rule', 'neighbor'] as const
  const monitor = netlink.monitor(kinds, { signal })
  await run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await run('ip', 'link', 'set', 'v0', 'addrgenmode', 'none', 'up')
  await run('ip', 'address', 'add', '10.0.0.1/24', 'dev', 'v0')
  await run('ip', 'route', 'add', '10.1.0.0/16', 'via', '10.0.0.2')
  await run('ip', 'rule', 'add', 'from', '10.0.0.0/8', 'table', '7')
  await run('ip', 'neighbour', 'add', '10.0.0.2', 'lladdr', '02:00:00:00:00:02', 'dev', 'v0')
  await run('ip', 'rule', 'delete', 'from', '10.0.0.0/8', 'table', '7')
  await run('ip', 'link', 'delete', 'v0')
  const events = await until(
    monitor,
    (event) => event.type === 'link' && event.deleted && event.link.name === 'v0',
  )
  const has = (isIt: (event: NetlinkEvent) => boolean) => events.some(isIt)
  t.true(has((e) => e.type === 'link' && !e.deleted && e.link.name === 'v0' && e.link.up))
  t.true(has((e) => e.type === 'address' && !e.deleted && e.address.address === '10.0.0.1'))
  t.true(has((e) => e.type === 'route' && !e.deleted && e.route.gateway === '10.0.0.2'))
  t.true(has((e) => e.type === 'rule' && !e.deleted && e.rule.from === '10.0.0.0/8'))
  t.true(has((e) => e.type === 'rule' && e.deleted && e.rule.table === 7))
  t.true(has((e) => e.type === 'neighbor' && e.neighbor.macAddress === '02:00:00:00:00:02'))
  t.true(has((e) => e.type === 'address' && e.deleted && e.address.address === '10.0.0.1'))
})

rootTest('what is there is read afresh as a watch would tell it', async (t) => {
  const { netlink } = await withNetlink(t)
  const kinds = ['link', 'address', 'route', 'rule', 'neighbor'] as const
  const monitor = netlink.monitor(kinds, {
    receiveBufferBytes: 1,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const neighbor = { macAddress: '02:00:00:00:00:02' }
  await netlink.links.add({ kind: 'bridge', name: 'br0', up: true })
  await netlink.neighbors.add('br0', '10.0.0.2', neighbor)
  await netlink.addresses.addMany(
    'lo',
    Array.from({ length: 200 }, (_, index) => `10.0.1.${index}/32`),
  )
  const overflow = (await until(monitor, ({ type }) => type === 'overflow')).at(-1)
  const events = overflow?.type === 'overflow' ? await all(overflow.fresh()) : []
  t.deepEqual([...new Set(events.map(({ type }) => type))], [...kinds])
  t.true(events.some((e) => e.type === 'link' && !e.deleted && e.link.name === 'br0'))
  t.true(events.some((e) => e.type === 'neighbor' && e.neighbor.address === '10.0.0.2'))
})

rootTest('only what is watched is told', async (t) => {
  const { netlink } = await withNetlink(t)
  const monitor = netlink.monitor(['address'], { signal: AbortSignal.timeout(TIMEOUT_MS) })
  await netlink.links.set('lo', { mtu: 1400 })
  await netlink.addresses.add('lo', '10.0.0.1/32')
  t.deepEqual(
    (await until(monitor, () => true)).map(({ type }) => type),
    ['address'],
  )
  t.deepEqual(await monitor.next(), { done: true, value: undefined })
})

rootTest('an overflow is told, and a fresh list has what was lost', async (t) => {
  const { netlink } = await withNetlink(t)
  const options = { receiveBufferBytes: 1, signal: AbortSignal.timeout(TIMEOUT_MS) }
  const monitor = netlink.monitor(['address'], options)
  const addresses = Array.from({ length: 200 }, (_, index) => `10.0.1.${index}/32`)
  await netlink.addresses.addMany('lo', addresses)
  const told = await until(monitor, ({ type }) => type === 'overflow')
  t.true(told.length < 200)
  const overflow = told.at(-1)
  const fresh = new Set<string>()
  if (overflow?.type === 'overflow') {
    for await (const event of overflow.fresh()) {
      if (event.type === 'address') fresh.add(event.address.address)
      else t.fail(`${event.type} is not watched`)
    }
  }
  t.true(addresses.every((address) => fresh.has(address.replace('/32', ''))))
})

rootTest('a watch ends by its signal, by close, and by leaving the loop', async (t) => {
  const { netlink } = await withNetlink(t)
  const controller = new AbortController()
  const aborted = netlink.monitor(['link'], { signal: controller.signal })
  const reason = new Error('enough')
  const waiting = t.throwsAsync(aborted.next())
  controller.abort(reason)
  t.is(await waiting, reason)
  t.throws(() => netlink.monitor(['link'], { signal: controller.signal }), { is: reason })
  const closed = netlink.monitor(['link'])
  const two = Promise.all([closed.next(), closed.next()])
  closed.close()
  t.deepEqual(
    (await two).map(({ done }) => done),
    [true, true],
  )
  for (const wrong of [[], ['links'], 'link', undefined]) {
    t.throws(() => netlink.monitor(wrong as never), { code: 'ERR_TUN_INVALID_ARGUMENT' })
  }
})

rootTest('a link is waited for: there, up, gone', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  const { run } = namespace
  const options = { timeoutMs: TIMEOUT_MS }
  const there = netlink.waitFor('v0', (link) => link !== undefined, options)
  await run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  t.is((await there)?.kind, 'veth')
  const up = netlink.waitFor('v0', (link) => link?.operState === 'up', options)
  await run('ip', 'link', 'set', 'v0', 'up')
  await run('ip', 'link', 'set', 'v1', 'up')
  t.true((await up)?.carrier)
  const gone = netlink.waitFor('v0', (link) => link === undefined, options)
  await run('ip', 'link', 'delete', 'v0')
  t.is(await gone, undefined)
  t.is((await netlink.waitFor('lo', () => true))?.name, 'lo')
})

rootTest('a wait ends by its time, by its signal and by what the predicate throws', async (t) => {
  const { netlink } = await withNetlink(t)
  const never = () => false
  const error = await t.throwsAsync<TunError>(netlink.waitFor('lo', never, { timeoutMs: 20 }))
  t.is(error.code, 'ERR_TUN_TIMEOUT')
  t.is(error.message, 'wait for lo: it was not as it should be within 20 ms')
  const controller = new AbortController()
  const waiting = t.throwsAsync(netlink.waitFor('lo', never, { signal: controller.signal }))
  const reason = new Error('enough')
  controller.abort(reason)
  t.is(await waiting, reason)
  const broken = () => {
    throw reason
  }
  await t.throwsAsync(netlink.waitFor('lo', broken), { is: reason })
})
