import { type Neighbor, type NeighborOptions, type RuleSpec, TunError } from '../../dist/index.js'
import { withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const RULES: readonly [RuleSpec, expected: object][] = [
  [
    { from: '10.0.0.0/8', table: 77, priority: 100 },
    { priority: 100, src: '10.0.0.0', srclen: 8, table: '77' },
  ],
  [
    { to: 'fd00::/8', table: 'main', priority: 5 },
    { dst: 'fd00::', dstlen: 8, table: 'main' },
  ],
  [
    { mark: 16, markMask: 255, table: 100_000, priority: 5, protocol: 'static' },
    { fwmark: '0x10', fwmask: '0xff', table: '100000', protocol: 'static' },
  ],
  [
    { inputLink: 'tun9', outputLink: 'tun8', table: 9, priority: 5, invert: true },
    { iif: 'tun9', iif_detached: null, oif: 'tun8', not: null },
  ],
  [
    {
      ipProtocol: 'tcp',
      sourcePorts: { start: 1, end: 9 },
      destinationPorts: { start: 80, end: 80 },
      userIds: { start: 1000, end: 1999 },
      table: 9,
      priority: 5,
    },
    { ipproto: 'tcp', sport_start: 1, sport_end: 9, dport: 80, uid_start: 1000, uid_end: 1999 },
  ],
  [
    { table: 'main', suppressPrefixLength: 0, suppressIfGroup: 7, priority: 5 },
    { suppress_prefixlen: 0, suppress_ifgroup: '7' },
  ],
  [{ tos: 16, table: 9, priority: 5 }, { tos: '0x10' }],
  [{ goto: 32_766, priority: 5 }, { goto: 32_766 }],
  [{ action: 'blackhole', from: '10.0.0.0/8', priority: 5 }, { action: 'blackhole' }],
  [{ action: 'prohibit', family: 6, priority: 5 }, { action: 'prohibit' }],
]

for (const [spec, expected] of RULES) {
  rootTest(`a rule is as ip reads it: ${JSON.stringify(spec)}`, async (t) => {
    const { netlink, ip } = await withNetlink(t)
    const family = spec.family ?? (spec.to?.includes(':') === true ? 6 : 4)
    await netlink.rules.add(spec)
    const theirs = await ip<{ priority: number }>(`-${family} rule show`)
    t.like(
      theirs.find(({ priority }) => priority === spec.priority),
      expected,
    )
    const ours = await netlink.rules.list({ family })
    t.like(
      ours.find(({ priority }) => priority === spec.priority),
      { protocol: 'boot', ...spec },
    )
    const error = await t.throwsAsync<TunError>(netlink.rules.add(spec))
    t.is(error.code, 'ERR_TUN_EXISTS')
    await netlink.rules.delete(spec)
    t.is((await netlink.rules.list({ family })).length, ours.length - 1)
    const gone = await t.throwsAsync<TunError>(netlink.rules.delete(spec))
    t.is(gone.code, 'ERR_TUN_NOT_FOUND')
  })
}

rootTest('a rule of virtual routing domains is as ip reads it', async (t) => {
  const { netlink, ip } = await withNetlink(t)
  const failure = await netlink.rules.add({ l3mdev: true, priority: 5 }).then(
    () => undefined,
    (error: unknown) => error as TunError,
  )
  if (failure?.errno !== undefined && [22, 95].includes(failure.errno)) {
    t.is(failure.syscall, 'RTM_NEWRULE')
    t.log(`SKIP ${t.title}: this kernel has no CONFIG_NET_L3_MASTER_DEV`)
    return
  }
  t.is(failure, undefined)
  t.like((await ip('rule show'))[1], { priority: 5, l3mdev: null })
  t.like((await netlink.rules.list({ family: 4 }))[1], { priority: 5, l3mdev: true })
})

rootTest('the rules that a namespace begins with are listed', async (t) => {
  const { netlink } = await withNetlink(t)
  t.deepEqual(
    (await netlink.rules.list({ family: 4 })).map(({ priority, table }) => [priority, table]),
    [
      [0, 'local'],
      [32_766, 'main'],
      [32_767, 'default'],
    ],
  )
  const mixed = { from: '10.0.0.0/8', to: 'fd00::/8' }
  const error = await t.throwsAsync<TunError>(netlink.rules.add(mixed))
  t.regex(error.message, /networks of one family/u)
})

const NEIGHBORS: readonly [
  address: string,
  NeighborOptions,
  ours: Partial<Neighbor>,
  theirs: object,
][] = [
  [
    '10.0.0.2',
    { macAddress: '02:00:00:00:00:02' },
    { macAddress: '02:00:00:00:00:02', state: 'permanent', family: 4 },
    { lladdr: '02:00:00:00:00:02', state: ['PERMANENT'] },
  ],
  [
    'fd00::2',
    { macAddress: '02:00:00:00:00:02', router: true, state: 'stale' },
    { router: true, state: 'stale', family: 6 },
    { router: null, state: ['STALE'] },
  ],
  [
    '10.0.0.2',
    { macAddress: '02:00:00:00:00:02', externallyLearned: true, state: 'noarp', protocol: 'zebra' },
    { externallyLearned: true, state: 'noarp', protocol: 'zebra' },
    { extern_learn: null, state: ['NOARP'], protocol: 'zebra' },
  ],
  ['10.0.0.2', { proxy: true }, { proxy: true }, { proxy: null }],
]

for (const [address, options, expected, shown] of NEIGHBORS) {
  rootTest(`a neighbor is as ip reads it: ${address} ${JSON.stringify(options)}`, async (t) => {
    const { netlink, ip, namespace } = await withNetlink(t)
    await namespace.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
    await namespace.run('ip', 'link', 'set', 'v0', 'addrgenmode', 'none', 'up')
    await netlink.neighbors.add('v0', address, options)
    const proxy = options.proxy ?? false
    const [theirs] = await ip(`neighbour show ${proxy ? 'proxy ' : ''}${address} dev v0`)
    t.like(theirs, { dst: address, ...shown })
    const find = async () => {
      const all = await netlink.neighbors.list({ link: 'v0', proxy })
      return all.find((neighbor) => neighbor.address === address)
    }
    t.like(await find(), { address, ...expected })
    if (!proxy) {
      const error = await t.throwsAsync<TunError>(netlink.neighbors.add('v0', address, options))
      t.is(error.code, 'ERR_TUN_EXISTS')
      await netlink.neighbors.replace('v0', address, { macAddress: '02:00:00:00:00:03' })
      t.like(await find(), { macAddress: '02:00:00:00:00:03', state: 'permanent' })
    }
    await netlink.neighbors.delete('v0', address, { proxy })
    t.not((await find())?.state, 'permanent')
  })
}
