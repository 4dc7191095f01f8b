import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { withNamespace } from '../../support/namespace.ts'
import { OPERANDS, READY, links, start } from '../../support/netnsProgram.ts'
import { rootTest as test } from '../../support/skip.ts'

test('the ready line tells the interface and the port that the kernel chose', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const program = start(t, namespace, OPERANDS)
  const [, name = '', port = ''] = await program.until('stdout', READY)
  t.true(Number(port) > 0)
  const [link] = JSON.parse(await namespace.run('ip', '-j', 'addr', 'show', 'dev', name)) as {
    mtu: number
    flags: string[]
    addr_info: { local: string; prefixlen: number }[]
  }[]
  t.is(link?.mtu, 1500)
  t.true(link?.flags.includes('UP'))
  t.like(link?.addr_info, [{ local: '10.9.0.1', prefixlen: 24 }])
  t.is(link?.addr_info.length, 1)
  t.regex(await namespace.run('ss', '-Huln'), new RegExp(`127\\.0\\.0\\.1:${port} `, 'u'))
  const { status, stdout, stderr } = await program.end()
  t.is(status, 0)
  t.regex(stdout, READY)
  t.regex(stderr, /^summary: /u)
  t.deepEqual(await links(namespace), before)
  t.is(await namespace.run('ss', '-Huln'), '')
})

test('every option that shapes the interface', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, [
    'fd09::1/64',
    '5001',
    '0',
    '--name',
    'vpn%d',
    '--mtu',
    '1400',
    '--address',
    '10.9.0.1/24',
    '--address',
    '10.9.1.1',
    '--route',
    '10.10.0.0/16',
    '--route',
    'fd10::/16',
    '--peer',
    '::1',
    '--accept',
    'any',
    '--json',
  ])
  await program.until('stdout', /\n/u)
  const ready = JSON.parse(program.stdout) as Record<
    string,
    { name: string; mtu: number; addresses: string[]; address: string; port: number }
  >
  t.like(ready['interface'], { name: 'vpn0', mtu: 1400 })
  t.deepEqual(ready['interface']?.addresses, ['fd09::1/64', '10.9.0.1/24', '10.9.1.1/32'])
  t.deepEqual(ready['peer'] as unknown, { address: '::1', port: 5001 })
  t.is(ready['local']?.address, '::1')
  t.regex(await namespace.run('ip', 'route'), /^10\.10\.0\.0\/16 dev vpn0 /mu)
  t.regex(await namespace.run('ip', '-6', 'route'), /^fd10::\/16 dev vpn0 /mu)
  t.regex(
    await namespace.run('ip', '-br', 'addr', 'show', 'dev', 'vpn0'),
    /10\.9\.0\.1\/24 10\.9\.1\.1\/32 fd09::1\/64/u,
  )
  t.is((await program.end()).status, 0)
  t.is(await namespace.run('ip', 'route'), '')
})

test('the interface in another namespace, by its name and by a process', async (t) => {
  const outside = await withNamespace(t)
  const inside = await withNamespace(t)
  const sleeper = spawn('ip', ['netns', 'exec', inside.name, 'sleep', '60'], { stdio: 'ignore' })
  t.teardown(() => sleeper.kill())
  await once(sleeper, 'spawn')
  // `ip` is replaced by `sleep` once it is in its namespace.
  for (let comm = ''; comm.trim() !== 'sleep';) {
    comm = await readFile(`/proc/${sleeper.pid}/comm`, 'utf8')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  for (const netns of [inside.name, `/run/netns/${inside.name}`, String(sleeper.pid)]) {
    const before = await links(inside)
    const program = start(t, outside, [...OPERANDS, '--netns', netns, '--name', 'vpn0'])
    const [, , port = ''] = await program.until('stdout', READY)
    t.true((await links(inside)).includes('vpn0'), netns)
    t.false((await links(outside)).includes('vpn0'), netns)
    t.regex(await outside.run('ss', '-Huln'), new RegExp(`:${port} `, 'u'))
    t.is((await program.end()).status, 0)
    t.deepEqual(await links(inside), before)
  }
})

test('an interface that was there before stays as it was', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'old0', 'mode', 'tun')
  await namespace.run('ip', 'addr', 'add', '10.8.0.1/24', 'dev', 'old0')
  const show = async () => namespace.run('ip', '-br', 'addr', 'show', 'dev', 'old0')
  const before = await show()
  const program = start(t, namespace, [...OPERANDS, '--name', 'old0', '--route', '10.10.0.0/16'])
  await program.until('stdout', READY)
  t.regex(await show(), /10\.8\.0\.1\/24 10\.9\.0\.1\/24/u)
  t.is((await program.end()).status, 0)
  t.is(await show(), before)
  t.is(await namespace.run('ip', 'route'), '')
})
