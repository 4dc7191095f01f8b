import { runInNewContext } from 'node:vm'
import { listDevices, openNetlink, openTap, parsePacket } from '../../index.ts'
import { BEHIND, NEAR, tunIn, udpPacket } from '../support/device.ts'
import { withNamespace } from '../support/namespace.ts'
import { runScript } from '../support/script.ts'
import { rootTest as test } from '../support/skip.ts'

type Api = typeof import('../../index.ts')

test('the package works inside a vm context, and its errors are those of that realm', async (t) => {
  const namespace = await withNamespace(t)
  const inContext = async (work: (api: Api) => Promise<unknown>): Promise<unknown> => {
    const script = work.toString()
    const flags = ['--no-warnings', '--experimental-vm-modules']
    return JSON.parse(await runScript(namespace, ['realm.mjs', script], ...flags))
  }
  const errors = await inContext(async (api) => {
    const codes: unknown[] = []
    const attempts = [
      () => api.openTun({ netns: 'nosuch' }),
      () => api.openNetlink({ netns: 'nosuch' }),
      () => api.listDevices({ netns: 'nosuch' }),
      () => api.removePersistent('nosuch0'),
      () => api.features({ cloneDevice: '/nosuch' }),
      () => api.deleteNamespace('tun2udp-no-such-namespace'),
      () =>
        api.startRelay({
          addresses: ['10.0.0.1'],
          sendPort: 1,
          receivePort: 0,
          peer: 'nosuch.invalid',
        }),
      () => api.openTun({ mtu: 1 }),
      () => Promise.resolve(api.parsePacket('x' as never)),
    ]
    for (const attempt of attempts) {
      try {
        await attempt()
        codes.push('none')
      } catch (error) {
        codes.push([(error as { code?: unknown }).code, error instanceof Error])
      }
    }
    return codes
  })
  t.deepEqual(errors, [
    ['ERR_TUN_NOT_FOUND', true],
    ['ERR_TUN_NOT_FOUND', true],
    ['ERR_TUN_NOT_FOUND', true],
    ['ERR_TUN_NOT_FOUND', true],
    ['ERR_TUN_NO_DEVICE_NODE', true],
    ['ERR_TUN_NOT_FOUND', true],
    ['ERR_TUN_UNKNOWN_HOST', true],
    ['ERR_TUN_INVALID_ARGUMENT', true],
    ['ERR_TUN_INVALID_ARGUMENT', true],
  ])
  const used = await inContext(async (api) => {
    const tun = await api.openTun({ addresses: ['10.8.0.1/24'] })
    const link = await tun.link()
    const bytes = Uint8Array.from([0x45, ...new Array<number>(19).fill(0)])
    const sent = [tun.tryWrite(bytes), await tun.writeBatch([bytes]).catch(String)]
    const refused: unknown = await tun.write(Uint8Array.of(0)).catch((error: unknown) => error)
    const netlink = await api.openNetlink()
    const found = await netlink.links.find('nosuch0')
    const ensured = await netlink.ensure({ link: tun.name, addresses: ['10.8.0.2/24'] })
    await netlink.close()
    const waiting = tun.read()
    await tun.close()
    return [
      link.name === tun.name,
      sent.length,
      (refused as { code: string }).code,
      found === undefined,
      ensured.changes.length,
      (await waiting) === undefined,
    ]
  })
  t.deepEqual(used, [true, 2, 'ERR_TUN_PACKET_REFUSED', true, 1, true])
})

test('options, lists and packets of another realm are accepted', async (t) => {
  const namespace = await withNamespace(t)
  const { name: netns } = namespace
  /** Evaluates an expression in a separate realm. */
  const foreign = (expression: string) => runInNewContext(expression, { netns }) as never
  const tun = await tunIn(t, namespace, foreign(`({ addresses: ['${NEAR}'], offload: ['tso'] })`))
  t.deepEqual(tun.offload, { tso: true, uso: false, coalesce: false })
  const packet = [...udpPacket(9, 'x')].join()
  t.true(tun.tryWrite(foreign(`Uint8Array.of(${packet})`)))
  await tun.write(foreign(`Uint8Array.of(${packet})`))
  await tun.writeBatch(foreign(`[Uint8Array.of(${packet}), Uint8Array.of(${packet})]`))
  await tun.writePacked(
    foreign(`({ buffer: Uint8Array.of(${packet}), offsets: Uint32Array.of(0, 29) })`),
  )
  await tun.writeSuperPacket(foreign(`({ data: Uint8Array.of(${packet}), header: {} })`))
  t.is(tun.stats().written.packets, 6)
  t.is(parsePacket(foreign(`Uint8Array.of(${packet})`))?.source, BEHIND)
  t.deepEqual(
    (await listDevices(foreign('({ netns })'))).map(({ name }) => name),
    [tun.name],
  )
  const netlink = await openNetlink(foreign('({ netns })'))
  t.teardown(() => netlink.close())
  await netlink.addresses.addMany(tun.name, foreign(`['10.8.0.7/24', '10.8.0.8/24']`))
  await netlink.ensure(foreign(`({ link: '${tun.name}', addresses: ['10.8.0.9/24'] })`))
  t.is((await netlink.addresses.list({ link: tun.name, family: 4 })).length, 4)
  netlink.monitor(foreign(`['link']`)).close()
  // A wrong value of another realm is refused like one of this realm.
  const error = await t.throwsAsync(openTap(foreign(`({ netns, addresses: new Map() })`)))
  t.regex(error.message, /^Invalid addresses object: expected an array/u)
})
