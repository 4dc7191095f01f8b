import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Link, TunError } from '../../dist/index.js'
import { withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const COUNT = 20_000

rootTest(
  'a table of 20,000 addresses that changes for a while is listed once it rests',
  async (t) => {
    const { netlink, namespace } = await withNetlink(t)
    const addresses = Array.from(
      { length: COUNT },
      (_, index) => `10.${index >> 8}.${index & 255}.1/32`,
    )
    await netlink.addresses.addMany('lo', addresses)
    // ip(8) changes an address permanently, faster than the list is read.
    const batch = spawn('ip', ['-n', namespace.name, '-batch', '-'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    t.teardown(() => batch.kill())
    const change = 'address add 10.200.0.1/32 dev lo\naddress delete 10.200.0.1/32 dev lo\n'
    const end = Date.now() + 1500
    const changing = (async () => {
      while (Date.now() < end) {
        if (!batch.stdin.write(change.repeat(50))) await once(batch.stdin, 'drain')
      }
      batch.stdin.end()
      await once(batch, 'exit')
    })()
    await sleep(100)
    const listed = await netlink.addresses.list({ link: 'lo', family: 4 })
    await changing
    const seen = new Set(listed.map(({ address }) => address))
    t.true(addresses.every((address) => seen.has(address.replace('/32', ''))))
    t.is(seen.size, listed.length)
  },
)

rootTest('what the kernel does not report is waited for, too', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  const before = (await netlink.links.get('lo')).stats?.rxPackets ?? 0
  const hasReceived = (link: Link | undefined) => (link?.stats?.rxPackets ?? 0) > before
  const waiting = netlink.waitFor('lo', hasReceived, { timeoutMs: 30_000 })
  await sleep(100)
  // Counters change without an event.
  await namespace.run('ping', '-c', '1', '127.0.0.1')
  t.true(hasReceived(await waiting))
})

rootTest('a route that the kernel removes without an event is added again by ensure', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  for (const command of ['link add v0 type veth peer name v1', 'link set v1 up']) {
    await namespace.run('ip', ...command.split(' '))
  }
  const desired = {
    link: 'v0',
    up: true,
    addresses: ['10.0.0.1/24'],
    routes: [{ destination: '10.1.0.0/16', gateway: '10.0.0.2' }],
  }
  t.is((await netlink.ensure(desired)).changes.length, 3)
  await namespace.run('ip', 'link', 'set', 'v0', 'down')
  t.deepEqual(await netlink.routes.list({ family: 4 }), [])
  t.deepEqual(
    (await netlink.ensure(desired)).changes.map(({ what }) => what),
    ['up', 'route'],
  )
  t.is((await netlink.routes.get('10.1.0.1')).gateway, '10.0.0.2')
})

rootTest('a wait that polls ends by its signal and leaves no rejection', async (t) => {
  const { netlink } = await withNetlink(t)
  const controller = new AbortController()
  const waiting = netlink.waitFor('lo', () => false, { signal: controller.signal })
  await sleep(600)
  const reason = new Error('enough')
  controller.abort(reason)
  t.is(await waiting.catch((error: unknown) => error as TunError), reason as never)
  await sleep(50)
})
