import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import {
  OPERANDS,
  READY,
  links,
  programArgs,
  sendPacket,
  start,
  text,
} from '../../support/netnsProgram.ts'
import { asNobody } from '../../support/nobody.ts'
import { Running, cleanEnvironment, runProgram } from '../../support/program.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

/** Runs the program without the capabilities `lost`, and returns its output on stderr. */
function errorsWithout(
  { name }: Namespace,
  lost: string,
  ...options: readonly string[]
): Promise<string> {
  const dropped = ['setpriv', '--bounding-set', lost, '--inh-caps', lost]
  const program = [process.execPath, ...programArgs([...OPERANDS, ...options])]
  const child = spawn('ip', ['netns', 'exec', name, ...dropped, ...program], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return text(child.stderr)
}

test('without the capability it says which, and what to do', async (t) => {
  const namespace = await withNamespace(t)
  const stderr = await errorsWithout(namespace, '-net_admin')
  t.regex(
    stderr,
    /^tun2udp: [^\n]*Operation not permitted[^\n]*; [^\n]*(?:CAP_NET_ADMIN|root)[^\n]*\n$/u,
  )
})

test('a mark without the capability is one line that says which', async (t) => {
  const namespace = await withNamespace(t)
  const lost = '-net_admin,-net_raw'
  t.regex(
    await errorsWithout(namespace, lost, '--fwmark', '0xca6c'),
    /^tun2udp: set the firewall mark 0xca6c: Operation not permitted; it needs CAP_NET_ADMIN[^\n]*\n$/u,
  )
})

test('--user keeps the mark and the interface of the sockets', async (t) => {
  if (!hasTools(t, 'ss')) return
  const namespace = await withNamespace(t)
  const options = ['--fwmark', '51820', '--bind-device', 'lo', '--user', 'nobody:nogroup']
  const program = start(t, namespace, [...OPERANDS, ...options])
  const [, , port = ''] = await program.until('stdout', READY)
  const sockets = await namespace.run('ss', '-lunHe', `sport = :${port}`)
  t.regex(sockets, new RegExp(`%lo:${port}`, 'u'))
  t.regex(sockets, /fwmark:0xca6c/u)
  await sendPacket(namespace)
  program.child.kill('SIGUSR2')
  await program.until('stderr', /^stats: out 1 \(84 byte\), sent 1 /u)
  t.is((await program.end()).status, 0)
})

test('--user drops root and every capability, and packets flow on', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const program = start(t, namespace, [...OPERANDS, '--user', 'nobody:nogroup'])
  await program.until('stdout', READY)
  const status = await readFile(`/proc/${program.child.pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'mu').exec(status)?.[1]
  t.is(field('Uid'), '65534\t65534\t65534\t65534')
  t.is(field('Gid'), '65534\t65534\t65534\t65534')
  t.is(field('Groups')?.trim(), '')
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
    t.is(field(set), '0000000000000000', set)
  await sendPacket(namespace)
  program.child.kill('SIGUSR2')
  await program.until('stderr', /^stats: out 1 \(84 byte\), sent 1 /u)
  t.is((await program.end()).status, 0)
  t.deepEqual(await links(namespace), before)
})

test('--user with an interface that was there before is refused with the reason', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'old0', 'mode', 'tun')
  const { status, stderr } = await runProgram([...OPERANDS, '--name', 'old0', '--user', 'nobody'], {
    netns: namespace.name,
  })
  t.is(status, 2)
  t.regex(stderr, /^tun2udp: [^\n]*old0: [^\n]*was there before[^\n]*; [^\n]*--user[^\n]*\n$/u)
  t.true((await links(namespace)).includes('old0'))
})

test('the process has the name of the program in ps, ss and messages', async (t) => {
  if (!hasTools(t, 'ps', 'ss')) return
  const namespace = await withNamespace(t)
  const program = start(t, namespace, [...OPERANDS, '--name', 'vpn7'])
  await program.until('stdout', /^ready: /u)
  const pid = String(program.child.pid)
  t.is((await namespace.run('ps', '-o', 'comm=', '-p', pid)).trim(), 'tun2udp')
  t.is(
    (await namespace.run('ps', '-ww', '-o', 'args=', '-p', pid)).trim(),
    'tun2udp 10.9.0.1/24 5001 0 --name vpn7',
  )
  t.regex(await namespace.run('ss', '-Hlunp'), new RegExp(`\\("tun2udp",pid=${pid},`, 'u'))
  const { stderr } = await runProgram([...OPERANDS, '--name', 'vpn7'], { netns: namespace.name })
  t.regex(stderr, new RegExp(`process ${pid} \\(tun2udp\\)`, 'u'))
})

test('a long command line does not change the name of the process', async (t) => {
  if (!hasTools(t, 'ps')) return
  const namespace = await withNamespace(t)
  const addresses = Array.from({ length: 200 }, (_, index) => ['--address', `10.8.${index}.1/24`])
  const program = start(t, namespace, [...OPERANDS, ...addresses.flat()])
  await program.until('stdout', /^ready: /u)
  const pid = String(program.child.pid)
  t.is((await namespace.run('ps', '-o', 'comm=', '-p', pid)).trim(), 'tun2udp')
})

test('a persistent interface of the user needs no capability, as the advice says', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'setpriv', 'unshare')) return
  const namespace = await withNamespace(t)
  const args = programArgs([...OPERANDS, '--name', 'vpn0', '--route', '10.10.0.0/16'])
  const run = (): Running => {
    const command = asNobody(process.execPath, ...args)
    const program = new Running(
      spawn('ip', ['netns', 'exec', namespace.name, ...command], {
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
    t.teardown(async () => {
      await program.end('SIGKILL')
    })
    return program
  }
  // Each error names the capability, and the command with which the next start gets further.
  const done: string[] = []
  for (let program = run(); ; program = run()) {
    const ended = await Promise.race([
      program.ended,
      program.until('stdout', /^ready: vpn0 10\.9\.0\.1\/24 /u),
    ])
    if (!('status' in ended)) {
      t.is((await program.end()).status, 0)
      break
    }
    t.is(ended.status, 1)
    t.regex(ended.stderr, /CAP_NET_ADMIN/u)
    const [, command = ''] =
      /\b(ip (?:tuntap|link|address|addr|route) [^\n)]*)/u.exec(ended.stderr) ?? []
    t.false(command === '' || done.includes(command), ended.stderr)
    if (command === '' || done.includes(command)) break
    done.push(command)
    const typed = command.replace('dev NAME', 'dev vpn0').replace('user NAME', 'user nobody')
    await namespace.run('sh', '-c', typed)
  }
  t.true(done.length >= 4, done.join())
  t.true((await links(namespace)).includes('vpn0'))
})
