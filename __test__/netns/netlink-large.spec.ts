import { withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const ROUTES = 10_000
const LINKS = 1000

/** Counts turns of the event loop until it is stopped. */
function countTurns(): () => number {
  let turns = 0
  let isRunning = true
  const turn = () => {
    turns += 1
    if (isRunning) setImmediate(turn)
  }
  setImmediate(turn)
  return () => {
    isRunning = false
    return turns
  }
}

rootTest(
  '10,000 routes are added at once, streamed and listed, and others get their turn',
  async (t) => {
    const { netlink, namespace } = await withNetlink(t)
    const network = (index: number) => `10.${index >> 8}.${index & 255}.0/24`
    const specs = Array.from({ length: ROUTES }, (_, index) => ({
      destination: network(index),
      link: 'lo',
      metric: index,
    }))
    const stopAdding = countTurns()
    await netlink.routes.addMany(specs)
    t.true(stopAdding() > 20)
    const stopReading = countTurns()
    const seen = new Set<string>()
    for await (const route of netlink.routes.stream({ family: 4 })) seen.add(route.destination)
    t.true(stopReading() > 10)
    t.is(seen.size, ROUTES)
    t.is((await netlink.routes.list({ link: 'lo' })).length, ROUTES)
    const shown = await namespace.run('ip', 'route', 'show', 'table', 'main')
    t.is(shown.trim().split('\n').length, ROUTES)
    await Promise.all(specs.map(async (spec) => netlink.routes.delete(spec)))
    t.deepEqual(await netlink.routes.list(), [])
  },
)

rootTest('a dump that is left alone keeps nothing from being done', async (t) => {
  const { netlink } = await withNetlink(t)
  const addresses = Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
  await netlink.addresses.addMany('lo', addresses)
  const left = netlink.addresses.stream()
  t.is((await left.next()).done, false)
  for (let turn = 0; turn < 10; turn++) {
    for await (const address of netlink.addresses.stream({ family: 4 })) {
      t.is(address.family, 4)
      break
    }
  }
  await netlink.addresses.add('lo', '10.9.0.1')
  t.is((await netlink.addresses.list({ family: 4 })).length, 2002)
  await left.return()
})

rootTest('1,000 links are made, streamed and deleted', async (t) => {
  const { netlink } = await withNetlink(t)
  const names = Array.from({ length: LINKS / 2 }, (_, index) => index)
  for (const index of names) {
    await netlink.links.add({ kind: 'veth', name: `a${index}`, peer: { name: `b${index}` } })
  }
  let count = 0
  for await (const link of netlink.links.stream({ kind: 'veth' })) {
    t.regex(link.name, /^[ab]\d+$/u)
    count += 1
  }
  t.is(count, LINKS)
})
