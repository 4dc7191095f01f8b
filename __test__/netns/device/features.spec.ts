import { release } from 'node:os'
import { features } from '../../../index.ts'
import { tunIn } from '../../support/device.ts'
import { untilLinks } from '../../support/gone.ts'
import { withNamespace } from '../../support/namespace.ts'
import { asNobody } from '../../support/nobody.ts'
import { INDEX, runModule } from '../../support/script.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

test('what the driver can do is what devices then get, and nothing stays', async (t) => {
  const namespace = await withNamespace(t)
  const { kernelRelease, flags, offloads, controls, limits } = await features()
  t.is(kernelRelease, release())
  t.true(flags.multiQueue && flags.vnetHeader)
  const tun = await tunIn(t, namespace)
  t.is(tun.offload.tso, offloads?.tso4 === true && offloads.tso6)
  t.is(tun.offload.uso, offloads?.uso === true)
  t.is((await tun.link()).minMtu, limits.mtu?.min)
  t.is((await tun.link()).maxMtu, limits.mtu?.max)
  t.deepEqual(limits.vnetHeaderBytes, [10, 12, 20, 24])
  t.is(limits.queues, 256)
  t.is(controls?.namespace, true)
  await tun.close()
  // In a namespace where every new device is observed, none appears.
  const watched = await runModule(
    namespace,
    `import { features, openNetlink } from '${INDEX}'
    const netlink = await openNetlink()
    const controller = new AbortController()
    const events = []
    const watching = (async () => {
      for await (const event of netlink.monitor(['link'], { signal: controller.signal })) events.push(event)
    })().catch(() => undefined)
    const { offloads } = await features()
    await new Promise((resolve) => setTimeout(resolve, 100))
    controller.abort()
    await watching
    await netlink.close()
    console.log(offloads !== undefined, events.length)`,
  )
  t.is(watched, 'true 0')
  await untilLinks(t, namespace, [])
})

test('without privileges it tells what the driver alone knows', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'mknod', 'setpriv', 'unshare')) return
  const namespace = await withNamespace(t)
  const script = `
    import { features } from '${INDEX}'
    const { flags, offloads, controls, limits } = await features()
    console.log(flags.multiQueue, offloads, controls, limits.mtu, limits.queues)`
  const said = await namespace.run(
    ...asNobody(process.execPath, '--input-type=module', '-e', script),
  )
  t.is(said.trim(), 'true undefined undefined undefined 256')
})

test('a clone device that is none is refused', async (t) => {
  await t.throwsAsync(features({ cloneDevice: '/no/such/device' }), {
    code: 'ERR_TUN_NO_DEVICE_NODE',
  })
  await t.throwsAsync(features(null as never), { code: 'ERR_TUN_INVALID_ARGUMENT' })
})
