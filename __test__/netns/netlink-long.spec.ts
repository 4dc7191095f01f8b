import { type Room, withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

/** Maximum length of an alternative name, bytes. */
const NAME_BYTES = 127

/** Names of this length fill 31 KiB, more than one message of a list contains by default, and 63 KiB of attributes. */
for (const count of [240, 490]) {
  rootTest(
    `a link with ${count} long names is listed, and so are the links after it`,
    async (t) => {
      const room = await withLongLink(t, count)
      const { netlink, ip } = room
      const expected = (await ip<{ ifname: string; altnames?: string[] }>('link')).map(
        ({ ifname, altnames = [] }) => ({ name: ifname, altNames: altnames }),
      )
      t.deepEqual(
        expected.map(({ name, altNames }) => [name, altNames.length]),
        [
          ['lo', 0],
          ['v1', 0],
          ['v0', count],
          ['last', 0],
        ],
      )
      const names = ({ name, altNames }: { name: string; altNames: readonly string[] }) => ({
        name,
        altNames,
      })
      t.deepEqual((await netlink.links.list()).map(names), expected)
      t.deepEqual(
        (await netlink.links.list({ kind: 'veth' })).map(({ name }) => name),
        ['v1', 'v0'],
      )
      const streamed: unknown[] = []
      for await (const link of netlink.links.stream()) streamed.push(names(link))
      t.deepEqual(streamed, expected)
      t.deepEqual(names(await netlink.links.get(`${'x'.repeat(NAME_BYTES - 4)}0000`)), expected[2])
    },
  )

  rootTest(`a link with ${count} long names is changed, watched and waited for`, async (t) => {
    const { netlink } = await withLongLink(t, count)
    const monitor = netlink.monitor(['link'])
    await netlink.links.set('v0', { mtu: 1400 })
    const event = (await monitor.next()).value
    t.like(event, { type: 'link', link: { name: 'v0', mtu: 1400 } })
    if (event?.type === 'link') t.is(event.link.altNames.length, count)
    monitor.close()
    t.is((await netlink.ensure({ link: 'v0', mtu: 1300 })).changes.length, 1)
    t.is(
      (await netlink.waitFor('v0', (link) => link?.mtu === 1300, { timeoutMs: 20_000 }))?.mtu,
      1300,
    )
  })

  rootTest(
    `200 look-ups at once of a link with ${count} long names are all answered`,
    async (t) => {
      const { netlink } = await withLongLink(t, count)
      const lookUps = Array.from({ length: 200 }, async () => netlink.links.get('v0'))
      // Changes between look-ups are acknowledged too, regardless of the objects that do not fit.
      const changes = Array.from({ length: 100 }, async (_, index) =>
        netlink.addresses.add('last', `10.0.0.${index}/32`),
      )
      const more = Array.from({ length: 10 }, async () => netlink.links.get('v0'))
      await Promise.all(changes)
      const links = await Promise.all([...lookUps, ...more])
      t.true(links.every(({ altNames }) => altNames.length === count))
      t.is((await netlink.addresses.list({ link: 'last', family: 4 })).length, 100)
    },
  )
}

/** A namespace with a veth with many long names, `v0`, followed by a bridge, `last`. */
async function withLongLink(t: Parameters<typeof withNetlink>[0], count: number): Promise<Room> {
  const room = await withNetlink(t)
  await room.namespace.run('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1')
  await room.namespace.run('ip', 'link', 'add', 'last', 'type', 'bridge')
  const altNames = Array.from({ length: count }, (_, index) =>
    String(index).padStart(4, '0').padStart(NAME_BYTES, 'x'),
  )
  await room.netlink.links.set('v0', { altNames })
  return room
}
