import { type LinkSpec, openNetlink, TunError } from '../../dist/index.js'
import { withNamespace } from '../support/namespace.ts'
import { defined, type IpLink, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const KINDS: readonly [LinkSpec, expected: Record<string, unknown>][] = [
  [
    {
      kind: 'bridge',
      name: 'x0',
      mtu: 1400,
      macAddress: '02:00:00:00:00:01',
      up: true,
      alias: 'hub',
      kindData: {
        stp: true,
        forwardDelayMs: 5000,
        ageingTimeMs: 60_000,
        priority: 4096,
      },
    },
    { stp_state: 1, forward_delay: 500, ageing_time: 6000, priority: 4096 },
  ],
  [
    {
      kind: 'vxlan',
      name: 'x0',
      lower: 'low0',
      kindData: {
        id: 42,
        remote: '10.0.0.2',
        local: '10.0.0.1',
        port: 4789,
        ttl: 9,
        learning: false,
        ageingSeconds: 30,
      },
    },
    {
      id: 42,
      remote: '10.0.0.2',
      local: '10.0.0.1',
      port: 4789,
      ttl: 9,
      learning: false,
      ageing: 30,
      link: 'low0',
    },
  ],
  [
    {
      kind: 'vxlan',
      name: 'x0',
      kindData: { id: 1, remote: 'fd00::2', local: 'fd00::1', port: 4789 },
    },
    { id: 1, remote6: 'fd00::2', local6: 'fd00::1' },
  ],
  [
    { kind: 'macvlan', name: 'x0', lower: 'low0', kindData: { mode: 'bridge' } },
    { mode: 'bridge' },
  ],
  [
    { kind: 'vlan', name: 'x0', lower: 'low0', kindData: { id: 7, protocol: '802.1ad' } },
    { id: 7, protocol: '802.1ad' },
  ],
  [{ kind: 'vrf', name: 'x0', kindData: { table: 77 } }, { table: 77 }],
  [{ kind: 'dummy', name: 'x0', txQueues: 3 }, {}],
]

for (const [spec, expected] of KINDS) {
  const title = `a ${spec.kind} is created as ip reads it: ${JSON.stringify(spec.kindData ?? {})}`
  rootTest(title, async (t) => {
    const { netlink, ip, namespace } = await withNetlink(t)
    await namespace.run('ip', 'link', 'add', 'low0', 'type', 'bridge')
    const made = await netlink.links.add(spec).catch((error: unknown) => {
      if (error instanceof TunError && error.code === 'ERR_TUN_UNSUPPORTED') return error
      throw error
    })
    if (made instanceof TunError) {
      t.regex(made.message, /this kernel has no links of kind/u)
      t.log(`SKIP ${t.title}: this kernel has no links of kind ${spec.kind}`)
      return
    }
    const [link] = await ip<IpLink>('link show dev x0')
    t.is(link?.linkinfo?.info_kind, spec.kind)
    t.like(link?.linkinfo?.info_data ?? {}, expected)
    t.is(made.ifIndex, link?.ifindex ?? 0)
    t.like(made.kindData ?? {}, spec.kindData ?? {})
    t.is(link?.flags.includes('UP'), spec.up === true)
    const { macAddress, alias, mtu } = spec
    const asked = defined({ address: macAddress, ifalias: alias, mtu })
    t.like(link, { ifname: 'x0', ...asked })
  })
}

rootTest('a pair reaches into another namespace, and a link moves there', async (t) => {
  const { netlink, ip, namespace } = await withNetlink(t)
  const other = await withNamespace(t)
  await netlink.links.add({
    kind: 'veth',
    name: 'v0',
    up: true,
    peer: { name: 'v1', netns: other.name, mtu: 1300, macAddress: '02:00:00:00:00:09' },
  })
  const text = await other.run('ip', '-j', 'link', 'show', 'dev', 'v1')
  t.like((JSON.parse(text) as IpLink[])[0], { mtu: 1300, address: '02:00:00:00:00:09' })
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap')
  await netlink.links.set('tap0', { netns: `/run/netns/${other.name}` })
  t.deepEqual(
    (await ip<IpLink>('link')).map(({ ifname }) => ifname).filter((name) => name === 'tap0'),
    [],
  )
  t.regex(await other.run('ip', 'link', 'show', 'dev', 'tap0'), /tap0/u)
  await using there = await openNetlink({ netns: `/run/netns/${other.name}` })
  t.is((await there.links.get('tap0')).kind, 'tun')
  t.deepEqual(
    (await there.links.list({ kind: 'veth' })).map(({ name }) => name),
    ['v1'],
  )
})

rootTest('a link whose creation fails half-way is removed', async (t) => {
  const { netlink } = await withNetlink(t)
  const spec = { kind: 'bridge', name: 'br0', master: 'nowhere0' } as const
  const error = await t.throwsAsync<TunError>(netlink.links.add(spec), { instanceOf: TunError })
  t.is(error.code, 'ERR_TUN_NOT_FOUND')
  t.is(await netlink.links.find('br0'), undefined)
})
