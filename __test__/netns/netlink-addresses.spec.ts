import { type Address, type AddressOptions, TunError } from '../../dist/index.js'
import { defined, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

/** The output of `ip -j -d address` for an address. */
interface IpAddress {
  family: string
  local: string
  address?: string
  prefixlen: number
  broadcast?: string
  scope: string
  label?: string
  metric?: number
  protocol?: string
  valid_life_time: number
  preferred_life_time: number
  [flag: string]: unknown
}

const FOREVER = 4_294_967_295
const seconds = (lifetime: number | 'forever') => (lifetime === 'forever' ? FOREVER : lifetime)

/** Returns the output that ip(8) would print for an address. */
function asIp(address: Address): Record<string, unknown> {
  const isSet = (flag: boolean) => flag || undefined
  return defined({
    family: address.family === 4 ? 'inet' : 'inet6',
    local: address.address,
    address: address.peer,
    prefixlen: address.prefixLength,
    broadcast: address.broadcast,
    scope: String(address.scope),
    label: address.label,
    metric: address.metric,
    valid_life_time: seconds(address.validLifetimeSeconds),
    preferred_life_time: seconds(address.preferredLifetimeSeconds),
    dynamic: isSet(!address.permanent),
    deprecated: isSet(address.deprecated),
    tentative: isSet(address.tentative),
    nodad: isSet(address.noDad),
    noprefixroute: isSet(address.noPrefixRoute),
    home: isSet(address.homeAddress),
    mngtmpaddr: isSet(address.manageTemporary),
    optimistic: isSet(address.optimistic),
    autojoin: isSet(address.autoJoin),
    secondary: isSet(address.secondary && address.family === 4),
  })
}

const CASES: readonly [address: string, options: AddressOptions, expected: object][] = [
  ['10.0.0.1/24', {}, { local: '10.0.0.1', prefixlen: 24, scope: 'global', label: 'lo' }],
  ['10.0.0.1', { broadcast: '10.0.0.255' }, { prefixlen: 32, broadcast: '10.0.0.255' }],
  ['10.0.0.1/20', { broadcast: 'auto' }, { broadcast: '10.0.15.255' }],
  ['127.1.0.1/16', {}, { scope: 'host' }],
  ['10.0.0.1/32', { peer: '10.0.0.2' }, { address: '10.0.0.2', prefixlen: 32 }],
  ['10.0.0.1/24', { label: 'lo:vpn', scope: 'link' }, { label: 'lo:vpn', scope: 'link' }],
  ['10.0.0.1/24', { scope: 77 }, { scope: '77' }],
  ['10.0.0.1/24', { metric: 50, noPrefixRoute: true }, { metric: 50, noprefixroute: true }],
  [
    '10.0.0.1/24',
    { validLifetimeSeconds: 5000, preferredLifetimeSeconds: 4000 },
    { valid_life_time: 5000, preferred_life_time: 4000, dynamic: true },
  ],
  [
    '10.0.0.1/24',
    { validLifetimeSeconds: 5000, preferredLifetimeSeconds: 0 },
    { preferred_life_time: 0, deprecated: true },
  ],
  ['239.1.1.1/32', { autoJoin: true }, { autojoin: true }],
  ['fd00::1/64', { noDad: true }, { local: 'fd00::1', prefixlen: 64, nodad: true }],
  ['fd00::1/128', { peer: 'fd00::2' }, { address: 'fd00::2' }],
  ['fd00::1/64', { homeAddress: true }, { home: true }],
  ['fd00::1/64', { manageTemporary: true }, { mngtmpaddr: true }],
  ['fe80::7/64', { scope: 'link', noPrefixRoute: true }, { scope: 'link', noprefixroute: true }],
  [
    'fd00::1/64',
    { validLifetimeSeconds: 'forever', metric: 9 },
    { metric: 9, valid_life_time: FOREVER },
  ],
]

for (const [address, options, expected] of CASES) {
  rootTest(`an address is as ip reads it: ${address} ${JSON.stringify(options)}`, async (t) => {
    const { netlink, ip } = await withNetlink(t)
    // Excludes the namespace's own addresses.
    await netlink.addresses.flush('lo')
    if (address.startsWith('239.')) {
      // No interface can have it, according to parseAddress.
      await t.throwsAsync(netlink.addresses.add('lo', address, options), { instanceOf: TunError })
      return
    }
    await netlink.addresses.add('lo', address, options)
    const [link] = await ip<{ addr_info: IpAddress[] }>('address show dev lo')
    const theirs = link?.addr_info.find(({ local }) => local === address.split('/')[0])
    t.like(theirs, expected as never)
    const ours = (await netlink.addresses.list({ link: 'lo' })).find(
      (found) => found.address === theirs?.local,
    )
    if (!ours || !theirs) {
      t.fail('it is not there')
      return
    }
    const found = asIp(ours)
    for (const [key, value] of Object.entries(found)) {
      // The lifetimes of IPv6 addresses decrease between the two readings.
      if (key.endsWith('_life_time'))
        t.true(Math.abs(Number(value) - Number(theirs[key])) <= 5, key)
      else t.is(value, theirs[key], key)
    }
  })
}

rootTest('what ip sets is listed, by link and family', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  const { run } = namespace
  await run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await run('ip', 'address', 'add', '10.1.0.1/24', 'dev', 'v0')
  await run('ip', 'address', 'add', '10.1.0.2/24', 'dev', 'v0')
  await run('ip', 'address', 'add', 'fd01::1/64', 'dev', 'v0', 'nodad')
  await run('ip', 'address', 'add', '10.2.0.1/24', 'dev', 'v1')
  const texts = (addresses: Address[]) => addresses.map(({ address }) => address)
  t.deepEqual(texts(await netlink.addresses.list({ link: 'v0' })), [
    '10.1.0.1',
    '10.1.0.2',
    'fd01::1',
  ])
  t.deepEqual(texts(await netlink.addresses.list({ link: 'v0', family: 6 })), ['fd01::1'])
  const all = await netlink.addresses.list({ family: 4 })
  const of4 = all.toSorted((one, other) => one.address.localeCompare(other.address))
  t.deepEqual(texts(of4), ['10.1.0.1', '10.1.0.2', '10.2.0.1', '127.0.0.1'])
  t.deepEqual(
    of4.map(({ secondary }) => secondary),
    [false, true, false, false],
  )
  t.deepEqual(texts(await netlink.addresses.flush('v0', { family: 4 })), ['10.1.0.1', '10.1.0.2'])
  t.deepEqual(texts(await netlink.addresses.list({ link: 'v0' })), ['fd01::1'])
})

rootTest('an address is replaced and deleted', async (t) => {
  const { netlink } = await withNetlink(t)
  const [link, address] = ['lo', 'fd00::1/64']
  await netlink.addresses.add(link, address, { validLifetimeSeconds: 100 })
  await netlink.addresses.replace(link, address, { validLifetimeSeconds: 'forever' })
  const find = async () =>
    (await netlink.addresses.list({ link })).find((found) => found.address === 'fd00::1')
  t.like(await find(), { validLifetimeSeconds: 'forever', permanent: true })
  await netlink.addresses.delete(link, address)
  t.is(await find(), undefined)
})

rootTest('refusals name the address and what to do', async (t) => {
  const { netlink } = await withNetlink(t)
  const refused = async (promise: Promise<unknown>) =>
    t.throwsAsync<TunError>(promise, { instanceOf: TunError })
  await netlink.addresses.add('lo', '10.0.0.1/24')
  t.like(await refused(netlink.addresses.add('lo', '10.0.0.1/24')), {
    code: 'ERR_TUN_EXISTS',
    errno: 17,
    syscall: 'RTM_NEWADDR',
    subject: '10.0.0.1/24 of lo',
    advice: 'it already exists: replace it, or delete it first',
  })
  t.like(await refused(netlink.addresses.add('nowhere0', '10.0.0.1/24')), {
    code: 'ERR_TUN_NOT_FOUND',
    subject: 'nowhere0',
  })
  t.like(await refused(netlink.addresses.delete('lo', '10.0.0.9/24')), {
    code: 'ERR_TUN_ADDRESS_NOT_AVAILABLE',
    advice: 'the interface has no such address with that prefix length: list the addresses',
  })
  for (const address of ['10.0.0.1/33', '10.0.0/8', 'fd00::1/129', 'x', '']) {
    t.is((await refused(netlink.addresses.add('lo', address))).code, 'ERR_TUN_INVALID_ARGUMENT')
  }
})

rootTest('one that fails does not keep the others from being added', async (t) => {
  const { netlink } = await withNetlink(t)
  const addresses = Array.from(
    { length: 300 },
    (_, index) => `10.0.${index >> 8}.${index & 255}/32`,
  )
  const broken = addresses.with(150, '10.0.0.7/32').slice(1)
  const error = await t.throwsAsync<TunError>(netlink.addresses.addMany('lo', broken))
  t.is(error.code, 'ERR_TUN_EXISTS')
  t.is(error.subject, '10.0.0.7/32 of lo')
  t.is((await netlink.addresses.list({ link: 'lo', family: 4 })).length, 299)
})
