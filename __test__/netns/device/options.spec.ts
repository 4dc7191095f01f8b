import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { openTap, openTun } from '../../../index.ts'
import { linkOf, tapIn, tunIn } from '../../support/device.ts'
import { untilLinks } from '../../support/gone.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { asNobody } from '../../support/nobody.ts'
import { INDEX } from '../../support/script.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

/** Opens a device as the user `nobody`, and prints the error's code and message, or the name. */
async function openAsNobody({ run }: Namespace, options: object): Promise<string> {
  const script = `
    import { openTun } from '${INDEX}'
    const tun = await openTun(${JSON.stringify(options)}).catch((error) => error)
    console.log(tun.code ?? 'open', tun.code ? tun.message : tun.name)`
  return (await run(...asNobody(process.execPath, '--input-type=module', '-e', script))).trim()
}

/** Creates a device node with these numbers in a folder that is removed with the test. */
function makeNode(t: ExecutionContext, minor: number, mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-node-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  chmodSync(folder, 0o755)
  const path = join(folder, 'tun')
  execFileSync('mknod', [path, 'c', '10', String(minor)])
  chmodSync(path, mode)
  return path
}

test('a namespace is named by its path or by a process in it, too', async (t) => {
  const namespace = await withNamespace(t)
  const tun = await openTun({ netns: `/run/netns/${namespace.name}`, name: 'path0' })
  t.teardown(() => tun.close())
  const child = spawn('ip', ['netns', 'exec', namespace.name, 'sleep', '60'])
  t.teardown(() => child.kill())
  await once(child, 'spawn')
  const { pid = 0 } = child
  // ip(8) is replaced by the program in the same process, once the interface exists.
  const inode = (path: string) => statSync(path).ino
  while (inode(`/proc/${pid}/ns/net`) !== inode(`/run/netns/${namespace.name}`))
    await new Promise((resolve) => setTimeout(resolve, 5))
  const other = await openTun({ netns: pid, name: 'pid0' })
  t.teardown(() => other.close())
  await untilLinks(t, namespace, ['path0', 'pid0'])
})

test('owner and group are the numbers that were given, and none if none was', async (t) => {
  const namespace = await withNamespace(t)
  const owned = await tunIn(t, namespace, { owner: 54_321, group: 65_432 })
  const { linkinfo } = await linkOf(namespace, owned.name)
  t.like(linkinfo.info_data, { user: 54_321, group: 65_432 })
  const free = await tunIn(t, namespace)
  const { info_data: data } = (await linkOf(namespace, free.name)).linkinfo
  t.false('user' in data)
  t.false('group' in data)
})

test('each flag of opening is one of the device', async (t) => {
  const namespace = await withNamespace(t)
  const flags: [option: object, flag: number][] = [
    [{ napi: true }, 0x10],
    [{ multiQueue: true }, 0x100],
    [{ vnetHeaderBytes: 10, offload: false }, 0x4000],
    [{ persistent: true }, 0x800],
  ]
  const plain = await tunIn(t, namespace, { offload: false })
  t.is(plain.flags & ~0x1000, 0x1)
  for (const [option, flag] of flags) {
    const tun = await tunIn(t, namespace, { offload: false, ...option })
    t.is((await tun.settings()).flags & ~0x1001, flag, JSON.stringify(option))
  }
  const tap = await tapIn(t, namespace, { napi: true, napiFrags: true, offload: false })
  t.is(tap.flags & ~0x1000, 0x32)
  const informed = await tapIn(t, namespace, { packetInformation: true })
  // `TUNGETIFF` has the same bit for a queue without a classic BPF filter.
  t.like((await informed.link()).kindData, { packetInformation: true })
  const fresh = await tunIn(t, namespace, { name: 'fresh%d', create: 'always' })
  t.is(fresh.name, 'fresh0')
})

test('a queue length and a MAC address of before come back when opening fails', async (t) => {
  const namespace = await withNamespace(t)
  const { run } = namespace
  await run('ip', 'tuntap', 'add', 'dev', 'kept0', 'mode', 'tap')
  await run('ip', 'link', 'set', 'kept0', 'address', '02:00:00:00:00:55', 'txqueuelen', '123')
  const failing = openTap({
    netns: namespace.name,
    name: 'kept0',
    macAddress: '02:00:00:00:00:66',
    txQueueLength: 7,
    mtu: 1200,
    routes: ['fd00::/8'],
  })
  await t.throwsAsync(failing, { message: /^add the route fd00::/u })
  t.like(await linkOf(namespace, 'kept0'), { address: '02:00:00:00:00:55', txqlen: 123, mtu: 1500 })
})

test('a clone device elsewhere is used, and each cause of its failing has its own advice', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'mknod', 'setpriv', 'unshare')) return
  const namespace = await withNamespace(t)
  const netns = namespace.name
  const good = makeNode(t, 200, 0o600)
  const opened = await openTun({ netns, cloneDevice: good }).catch((error: unknown) => error)
  if (opened instanceof Error) {
    t.log(`SKIP ${t.title}: device nodes cannot be used in ${tmpdir()}: ${opened.message}`)
    t.pass()
    return
  }
  await (opened as Awaited<ReturnType<typeof openTun>>).close()
  t.regex(
    await openAsNobody(namespace, { cloneDevice: good }),
    /^ERR_TUN_PERMISSION open \S+: .*its mode forbids it.*chmod 666/u,
  )
  await t.throwsAsync(openTun({ netns, cloneDevice: makeNode(t, 254, 0o666) }), {
    code: 'ERR_TUN_NO_DRIVER',
    message: /modprobe tun/u,
  })
})

test('without privileges only a device that belongs to the user is opened', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'mknod', 'setpriv', 'unshare')) return
  const namespace = await withNamespace(t)
  const { run } = namespace
  t.regex(
    await openAsNobody(namespace, { name: 'new0' }),
    /^ERR_TUN_PERMISSION open new0: .*CAP_NET_ADMIN.*ip tuntap add dev NAME mode tun user NAME/u,
  )
  await run('ip', 'tuntap', 'add', 'dev', 'his0', 'mode', 'tun', 'user', '1')
  t.regex(await openAsNobody(namespace, { name: 'his0', up: false }), /^ERR_TUN_PERMISSION/u)
  await run('ip', 'tuntap', 'add', 'dev', 'mine0', 'mode', 'tun', 'user', '65534', 'vnet_hdr')
  await run('ip', 'link', 'set', 'mine0', 'up')
  t.is(await openAsNobody(namespace, { name: 'mine0', create: 'never' }), 'open mine0')
})

test('queues that do not fit are a mismatch, either way', async (t) => {
  const namespace = await withNamespace(t)
  const { name: netns, run } = namespace
  await run('ip', 'tuntap', 'add', 'dev', 'one0', 'mode', 'tun')
  await run('ip', 'tuntap', 'add', 'dev', 'many0', 'mode', 'tun', 'multi_queue')
  for (const options of [{ name: 'one0', queues: 2 }, { name: 'many0' }]) {
    await t.throwsAsync(openTun({ netns, ...options }), {
      code: 'ERR_TUN_DEVICE_MISMATCH',
      message: /has another queue mode/u,
    })
  }
  const given = openTun({ netns, name: 'x0', multiQueue: false, queues: 2 })
  await t.throwsAsync(given, { message: /^Invalid multiQueue: several queues take/u })
  for (const queues of [0, 257, 1.5])
    await t.throwsAsync(openTun({ queues }), { message: /^Invalid queues \S+: expected a whole/u })
})

test('a vnet header of an earlier owner is not that of the next', async (t) => {
  const namespace = await withNamespace(t)
  const name = 'stale0'
  await (await tunIn(t, namespace, { name, persistent: true, vnetHeaderBytes: 24 })).close()
  const next = await tunIn(t, namespace, { name, persistent: false })
  t.is((await next.settings()).vnetHeaderBytes, 10)
})
