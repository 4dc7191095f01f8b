import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { type DeviceDiagnostic, type NetlinkDiagnostic, openNetlink, openTun } from '../../index.ts'
import { withNamespace } from '../support/namespace.ts'
import { rootTest } from '../support/skip.ts'

rootTest('a session ends by close(), by its signal, by using, and frees what waits', async (t) => {
  const { name: netns } = await withNamespace(t)
  const controller = new AbortController()
  const netlink = await openNetlink({ netns, signal: controller.signal })
  t.false(netlink.isClosed)
  const waiting = netlink.waitFor('absent', (link) => link !== undefined)
  controller.abort(new Error('enough'))
  t.true(netlink.isClosed)
  await netlink.closed
  await t.throwsAsync(waiting, { code: 'ERR_TUN_CLOSED', message: /closed/u })
  await t.throwsAsync(netlink.links.list(), { code: 'ERR_TUN_CLOSED' })
  const other = await openNetlink({ netns })
  t.is(other.close(), other.closed)
  await other.close()
  let third
  {
    using session = await openNetlink({ netns })
    third = session
  }
  t.true(third.isClosed)
})

rootTest('an opening is aborted with the reason of the signal, and none is left', async (t) => {
  const { name: netns, run } = await withNamespace(t)
  const reason = new Error('not now')
  await t.throwsAsync(openNetlink({ netns, signal: AbortSignal.abort(reason) }), { is: reason })
  // The sockets of this namespace, in which no other process has one.
  const sockets = async () => (await run('cat', '/proc/net/netlink')).split('\n').length
  const before = await sockets()
  const controller = new AbortController()
  const opening = openNetlink({ netns, signal: controller.signal })
  setImmediate(() => {
    controller.abort(reason)
  })
  const end = await opening.then(
    (netlink) => netlink.closed,
    (error: unknown) => error,
  )
  t.true(end === undefined || end === reason)
  while ((await sockets()) > before) await sleep(20)
  await t.throwsAsync(openNetlink({ signal: {} as never }), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    message: /^Invalid signal object: expected an AbortSignal/u,
  })
})

rootTest('waitFor and monitor follow a signal of another realm, or of a polyfill', async (t) => {
  const { name: netns } = await withNamespace(t)
  await using netlink = await openNetlink({ netns })
  const reason = new Error('foreign')
  const foreign = () => Object.assign(new EventTarget(), { aborted: false, reason: undefined })
  const [one, two] = [foreign(), foreign()]
  const waiting = netlink.waitFor('absent', (link) => link !== undefined, { signal: one as never })
  const next = netlink.monitor(['link'], { signal: two as never }).next()
  setTimeout(() => {
    for (const signal of [one, two]) {
      Object.assign(signal, { aborted: true, reason })
      signal.dispatchEvent(new Event('abort'))
    }
  }, 20)
  await t.throwsAsync(waiting, { is: reason })
  await t.throwsAsync(next, { is: reason })
})

rootTest('diagnostics_channel has the life of devices and sessions', async (t) => {
  const { name: netns, run } = await withNamespace(t)
  const seen: unknown[] = []
  const listen = (message: unknown) => {
    const diagnostic = message as DeviceDiagnostic | NetlinkDiagnostic
    if (['diag0', netns].includes(diagnostic.name)) seen.push(diagnostic)
  }
  for (const room of ['device', 'netlink']) {
    subscribe(`tun2udp:${room}`, listen)
    t.teardown(() => unsubscribe(`tun2udp:${room}`, listen))
  }
  const netlink = await openNetlink({ netns })
  t.deepEqual(seen.splice(0), [{ type: 'opened', name: netns, target: netlink }])
  const target = await openTun({ name: 'diag0', netns })
  const reading = target.read()
  await run('ip', 'link', 'delete', 'diag0')
  const error = await t.throwsAsync(reading, { code: 'ERR_TUN_DEVICE_DELETED' })
  await target.close()
  const refused = await t.throwsAsync(openTun({ name: 'diag0', netns, create: 'never' }))
  await netlink.close()
  t.deepEqual(seen, [
    { type: 'opened', name: 'diag0', target },
    { type: 'error', name: 'diag0', target, error },
    { type: 'closed', name: 'diag0', target },
    { type: 'error', name: 'diag0', error: refused },
    { type: 'closed', name: netns, target: netlink },
  ])
})
