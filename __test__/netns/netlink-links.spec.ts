import { randomBytes } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import test from 'ava'
import { type Link, openNetlink, startRelay, TunError } from '../../dist/index.js'
import { defined, type IpLink, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

/** ip(8) prints this flag if the link below is down. */
const isOwn = (flag: string) => flag !== 'M-DOWN'

/** Returns the fields that ip(8) prints for links of all kinds. */
function asIp(link: Link): Partial<Record<keyof IpLink, unknown>> {
  const isNoCarrier = link.up && !link.flags.includes('RUNNING')
  const flags = link.flags.filter((name) => name !== 'RUNNING')
  return defined({
    ifname: link.name,
    ifindex: link.ifIndex,
    flags: [...flags, ...(isNoCarrier ? ['NO-CARRIER'] : [])].sort(),
    mtu: link.mtu,
    min_mtu: link.minMtu,
    max_mtu: link.maxMtu,
    operstate: String(link.operState).toUpperCase(),
    txqlen: link.txQueueLength || undefined,
    link_type: link.linkType,
    address: link.macAddress,
    broadcast: link.broadcastMacAddress,
    altnames: link.altNames.length > 0 ? link.altNames : undefined,
    ifalias: link.alias,
    promiscuity: link.promiscuity,
    qdisc: link.qdisc,
    num_tx_queues: link.txQueues,
    num_rx_queues: link.rxQueues,
    gso_max_size: link.gsoMaxSizeBytes,
    gso_max_segs: link.gsoMaxSegs,
    inet6_addr_gen_mode: link.addressGenerationMode,
  })
}

rootTest('every field of a link is what ip reads', async (t) => {
  const { namespace, netlink, ip } = await withNetlink(t)
  const { run } = namespace
  await run('ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap', 'multi_queue')
  await run('ip', 'tuntap', 'add', 'dev', 'tun0', 'mode', 'tun', 'user', '1000', 'group', '7')
  await run('ip', 'link', 'add', 'br0', 'type', 'bridge')
  await run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await run('ip', 'link', 'set', 'tap0', 'master', 'br0', 'alias', 'one two', 'txqueuelen', '77')
  await run('ip', 'link', 'set', 'v0', 'up', 'promisc', 'on', 'allmulticast', 'on')
  await run('ip', 'link', 'property', 'add', 'dev', 'v0', 'altname', 'a-much-longer-name-than-15')
  const theirs = await ip<IpLink>('link')
  const ours = await netlink.links.list()
  t.is(ours.length, theirs.length)
  for (const link of ours) {
    const expected = theirs.find(({ ifname }) => ifname === link.name)
    if (!expected) {
      t.fail(`ip does not list ${link.name}`)
      continue
    }
    const found = asIp(link)
    const picked = Object.fromEntries(
      Object.keys(found).map((key) => [key, expected[key as keyof IpLink]]),
    )
    t.deepEqual(found, { ...picked, flags: expected.flags.filter(isOwn).sort() }, link.name)
    t.is(link.kind, expected.linkinfo?.info_kind as Link['kind'], link.name)
  }
  const byName = new Map(ours.map((link) => [link.name, link]))
  t.is(byName.get('tap0')?.master, byName.get('br0')?.ifIndex)
  t.is(byName.get('v0')?.lowerIfIndex, byName.get('v1')?.ifIndex)
  t.deepEqual(byName.get('tun0')?.kindData, {
    mode: 'tun',
    owner: 1000,
    group: 7,
    packetInformation: false,
    vnetHeader: false,
    persistent: true,
    multiQueue: false,
  } as never)
  t.like(byName.get('tap0')?.kindData, { mode: 'tap', multiQueue: true, queues: 0 })
  t.like(byName.get('tap0'), { slaveKind: 'bridge' })
})

rootTest('counters are those of ip', async (t) => {
  const { netlink, ip, namespace } = await withNetlink(t)
  await namespace.run('ip', 'address', 'add', '10.0.0.1/32', 'dev', 'lo')
  await namespace.run('bash', '-c', 'echo x > /dev/udp/10.0.0.1/9')
  const [theirs] = await ip<IpLink>('-s link show dev lo')
  const { stats } = await netlink.links.get('lo')
  t.true((stats?.rxPackets ?? 0) > 0)
  t.is(stats?.rxBytes, theirs?.stats64?.rx['bytes'])
  t.is(stats?.txPackets, theirs?.stats64?.tx['packets'])
  t.is(stats?.rxErrors, 0)
})

rootTest('what is set is what ip reads', async (t) => {
  const { netlink, ip, namespace } = await withNetlink(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap')
  await namespace.run('ip', 'link', 'add', 'br0', 'type', 'bridge')
  await netlink.links.set('tap0', {
    mtu: 1400,
    macAddress: '02:00:00:00:00:2a',
    txQueueLength: 42,
    alias: 'to the north',
    altNames: ['north', 'a-name-of-more-than-15-bytes'],
    group: 7,
    master: 'br0',
    addressGenerationMode: 'none',
    promiscuous: true,
    allMulticast: true,
    up: true,
  })
  const [link] = await ip<IpLink>('link show dev tap0')
  t.like(link, {
    mtu: 1400,
    address: '02:00:00:00:00:2a',
    txqlen: 42,
    ifalias: 'to the north',
    altnames: ['north', 'a-name-of-more-than-15-bytes'],
    group: '7',
    master: 'br0',
    inet6_addr_gen_mode: 'none',
  })
  for (const flag of ['UP', 'PROMISC', 'ALLMULTI']) t.true(link?.flags.includes(flag), flag)
  await netlink.links.set('a-name-of-more-than-15-bytes', {
    altNames: ['south'],
    alias: '',
    master: null,
    promiscuous: false,
    allMulticast: false,
    up: false,
    name: 'tap1',
  })
  const [after] = await ip<IpLink>('link show dev tap1')
  t.deepEqual(after?.altnames, ['south'])
  t.is(after?.ifalias, undefined)
  t.is(after?.master, undefined)
  for (const flag of ['UP', 'PROMISC', 'ALLMULTI']) t.false(after?.flags.includes(flag), flag)
  t.is((await netlink.links.get('south')).name, 'tap1')
  t.is((await netlink.links.get(after?.ifindex ?? 0)).name, 'tap1')
  await netlink.links.delete('south')
  t.deepEqual(await netlink.links.find('tap1'), undefined)
})

rootTest('the carrier can be turned on and off', async (t) => {
  const { netlink, ip, namespace } = await withNetlink(t)
  // The driver sets the carrier only while a process holds the device.
  const device = { name: 'tun0', netns: namespace.name, addresses: ['10.9.0.1/24'] }
  const relay = await startRelay({ ...device, sendPort: 9, receivePort: 0 })
  const carrier = async () => {
    const [link] = await ip<IpLink>('link show dev tun0')
    return !link?.flags.includes('NO-CARRIER')
  }
  for (const wanted of [true, false]) {
    await netlink.links.set('tun0', { carrier: wanted, up: true })
    t.is((await netlink.links.get('tun0')).carrier, wanted)
    t.is(await carrier(), wanted)
  }
  await relay.close()
})

rootTest('refusals name the link, the reason, the attribute and what to do', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'tun0', 'mode', 'tun')
  const refused = async (promise: Promise<unknown>) =>
    t.throwsAsync<TunError>(promise, { instanceOf: TunError })
  t.like(await refused(netlink.links.get('absent0')), {
    code: 'ERR_TUN_NOT_FOUND',
    errno: 19,
    syscall: 'RTM_GETLINK',
    subject: 'absent0',
    message: 'look up absent0: No such device; no interface has that name or index here',
  })
  t.like(await refused(netlink.links.set('tun0', { mtu: 70_000 })), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    subject: 'tun0',
    kernelMessage: 'mtu greater than device maximum',
    message: 'set the MTU of tun0: Invalid argument (mtu greater than device maximum)',
  })
  t.like(await refused(netlink.links.add({ kind: 'bridge', name: 'tun0' })), {
    code: 'ERR_TUN_EXISTS',
  })
  t.like(await refused(netlink.links.add({ kind: 'macvlan', name: 'm0' })), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
  })
  t.is((await refused(netlink.links.set(999_999, { up: true }))).code, 'ERR_TUN_NOT_FOUND')
  await netlink.close()
  t.is((await refused(netlink.links.list())).code, 'ERR_TUN_CLOSED')
})

rootTest('a session leaves the threads of Node in their namespace', async (t) => {
  const before = readlinkSync('/proc/self/ns/net')
  const { netlink } = await withNetlink(t)
  t.deepEqual(
    (await netlink.links.list()).map(({ name }) => name),
    ['lo'],
  )
  t.is(readlinkSync('/proc/self/ns/net'), before)
  t.is(readlinkSync('/proc/thread-self/ns/net'), before)
})

test('a namespace that is not there is named', async (t) => {
  const netns = `none-${randomBytes(4).toString('hex')}`
  const error = await t.throwsAsync<TunError>(openNetlink({ netns }), { instanceOf: TunError })
  t.is(error.code, 'ERR_TUN_NOT_FOUND')
  t.true(error.message.includes(netns))
})
