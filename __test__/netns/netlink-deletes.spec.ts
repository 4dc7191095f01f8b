import type { RouteSpec, RuleSpec, TunError } from '../../dist/index.js'
import { withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const UNDEFINED = undefined as never

rootTest('a delete without what identifies one rule is refused', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  const shown = async () => namespace.run('ip', 'rule', 'show')
  await netlink.rules.add({ priority: 100, from: '10.0.0.0/8', table: 7 })
  await netlink.rules.add({ priority: 100, to: '10.0.0.0/8', table: 7 })
  const before = await shown()
  const refused: readonly [RuleSpec, message: RegExp][] = [
    [{}, /^Invalid rule object: expected properties that identify one rule/u],
    [{ family: 4 }, /^Invalid rule object: expected properties that identify one rule/u],
    [
      { priority: UNDEFINED },
      /^Invalid priority undefined: expected a value; leave out a property/u,
    ],
    [{ priority: 100, table: UNDEFINED }, /^Invalid table undefined/u],
    [{ invert: false }, /no property is given, so every rule would fit; give the priority/u],
    [{ priority: 100 }, /IPv4 priority 100: 2 rules have all of these properties; list the rules/u],
  ]
  for (const [spec, message] of refused) {
    const error = await t.throwsAsync<TunError>(netlink.rules.delete(spec))
    t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
    t.regex(error.message, message)
    t.is(await shown(), before)
  }
  const listed = await netlink.rules.list({ family: 4 })
  for (const rule of listed.filter(({ priority }) => priority === 100)) {
    await netlink.rules.delete(rule)
  }
  t.deepEqual(
    (await netlink.rules.list({ family: 4 })).map(({ priority }) => priority),
    [0, 32_766, 32_767],
  )
})

rootTest('a delete without what identifies one route is refused', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  await netlink.addresses.add('lo', '10.0.0.1/24')
  const destination = '10.9.0.0/16'
  const [first, second] = [
    { destination, gateway: '10.0.0.2', metric: 5 },
    { destination, link: 'lo', metric: 6 },
  ]
  await netlink.routes.addMany([first, second])
  const shown = async () => namespace.run('ip', 'route', 'show')
  const before = await shown()
  const refused: readonly [RouteSpec, message: RegExp][] = [
    [
      { destination },
      /route 10\.9\.0\.0\/16: 2 routes have all of these properties; list the routes/u,
    ],
    [{ destination, link: 'lo' }, /2 routes have all of these properties/u],
    [{ destination, metric: UNDEFINED }, /^Invalid metric undefined: expected a value; leave out/u],
    [{ destination: UNDEFINED, metric: 5 }, /^Invalid destination undefined/u],
  ]
  for (const [spec, message] of refused) {
    const error = await t.throwsAsync<TunError>(netlink.routes.delete(spec))
    t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
    t.regex(error.message, message)
    t.is(await shown(), before)
  }
  const listed = await netlink.routes.list({ family: 4 })
  for (const route of listed.filter((one) => one.destination === destination)) {
    await netlink.routes.delete(route)
  }
  t.deepEqual(await netlink.routes.list({ family: 4 }), [])
})

rootTest('a delete of an address, neighbor or link takes nothing that is undefined', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  await netlink.addresses.add('lo', '10.0.0.1/24')
  await netlink.neighbors.add('lo', '10.0.0.2', { proxy: true })
  const shown = async () =>
    (await namespace.run('ip', 'address')) + (await namespace.run('ip', 'neigh', 'show', 'proxy'))
  const before = await shown()
  const { addresses, neighbors, links } = netlink
  for (const attempt of [
    async () => addresses.delete(UNDEFINED, '10.0.0.1/24'),
    async () => addresses.delete('lo', UNDEFINED),
    async () => addresses.delete('lo', '10.0.0.1/24', { peer: UNDEFINED }),
    async () => addresses.delete('lo', '10.0.0.1/24', { label: UNDEFINED }),
    async () => addresses.flush(UNDEFINED),
    async () => addresses.flush('lo', { family: UNDEFINED }),
    async () => neighbors.delete(UNDEFINED, '10.0.0.2', { proxy: true }),
    async () => neighbors.delete('lo', UNDEFINED, { proxy: true }),
    async () => neighbors.delete('lo', '10.0.0.2', { proxy: UNDEFINED }),
    async () => links.delete(UNDEFINED),
    async () => links.delete(0),
  ]) {
    const error = await t.throwsAsync<TunError>(attempt(), undefined, attempt.toString())
    t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT', attempt.toString())
    t.is(await shown(), before)
  }
})

rootTest(
  'an undo deletes the route that was added, and not another to the same network',
  async (t) => {
    const { netlink, namespace } = await withNetlink(t)
    await namespace.run('ip', 'route', 'add', '10.9.0.0/16', 'dev', 'lo', 'metric', '50')
    const routes = [
      { destination: '10.9.0.0/16', metric: UNDEFINED, gateway: UNDEFINED, table: 'main' },
    ]
    const before = await namespace.run('ip', 'route', 'show')
    const { undo } = await netlink.ensure({
      link: 'lo',
      routes: [...routes, { destination: '10.9.0.0/16', metric: 60 }] as never,
    })
    await undo()
    t.is(await namespace.run('ip', 'route', 'show'), before)
  },
)
