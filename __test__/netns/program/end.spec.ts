import { spawn } from 'node:child_process'
import { withNamespace } from '../../support/namespace.ts'
import {
  OPERANDS,
  READY,
  links,
  programArgs,
  sendPacket,
  start,
  text,
} from '../../support/netnsProgram.ts'
import { cleanEnvironment } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} leaves nothing behind`, async (t) => {
    const namespace = await withNamespace(t)
    const before = await links(namespace)
    const program = start(t, namespace, OPERANDS)
    await program.until('stdout', READY)
    const { status } = await program.end(signal)
    t.is(status, signal === 'SIGKILL' ? null : 0)
    t.deepEqual(await links(namespace), before)
  })
}

test('SIGUSR2 counts what passed, and that nobody was there', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, OPERANDS)
  await program.until('stdout', READY)
  await sendPacket(namespace)
  await sendPacket(namespace)
  program.child.kill('SIGUSR2')
  const [, read, sent, refused] = await program.until(
    'stderr',
    /^stats: out (\d+) \(168 byte\), sent (\d+) \(168 byte\), (\d+) refused by the peer; in 0 /u,
  )
  t.deepEqual([read, sent, refused], ['2', '2', '2'])
  t.is((await program.end()).status, 0)
})

test('a deleted interface ends it with the reason and status 1', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, OPERANDS)
  const [, name = ''] = await program.until('stdout', READY)
  await namespace.run('ip', 'link', 'delete', name)
  const { status, stderr } = await program.ended
  t.is(status, 1)
  t.regex(
    stderr,
    new RegExp(
      `^tun2udp: [^\\n]*${name}: File descriptor in bad state; [^\\n]*deleted[^\\n]*\\nsummary: [^\\n]*\\n$`,
      'u',
    ),
  )
})

test('under npm it does not outlive its parent', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  // A shell takes the place of npm, and is killed in a way that no signal handler notices.
  const shell = spawn(
    'sh',
    [
      '-c',
      '"$@" & echo $!; wait',
      'sh',
      'ip',
      'netns',
      'exec',
      namespace.name,
      process.execPath,
      ...programArgs(OPERANDS),
    ],
    {
      env: cleanEnvironment({ npm_lifecycle_event: 'start' }),
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const said = text(shell.stdout)
  let stdout = ''
  shell.stdout.on('data', (data: string) => (stdout += data))
  while (!stdout.includes('ready')) await new Promise((resolve) => setTimeout(resolve, 20))
  const pid = Number(stdout.split('\n', 1)[0])
  t.teardown(() => {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It does not exist any more, as expected.
    }
  })
  shell.kill('SIGKILL')
  // The pipe ends with its last writer: the program.
  await said
  t.deepEqual(await links(namespace), before)
})
