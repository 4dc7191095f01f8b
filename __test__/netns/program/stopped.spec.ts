import { spawn } from 'node:child_process'
import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { OPERANDS, links } from '../../support/netnsProgram.ts'
import { OPEN_TO_ALL } from '../../support/nobody.ts'
import { PROGRAM, Running, cleanEnvironment } from '../../support/program.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

const WRAPPER = fileURLToPath(new URL('../../support/terminal.py', import.meta.url))
const LIMIT_MS = 2000
const SIGNALS = { SIGTERM: 15, SIGINT: 2, SIGUSR2: 12, SIGHUP: 1 }

/** Starts the program with an output that no process reads once its interface exists. */
async function startUnread(
  t: ExecutionContext,
  { name }: Namespace,
  kind: 'terminal' | 'closed' | 'pipe' | 'socket',
  options: string[],
  prefix: string[] = [],
) {
  const program = [...prefix, process.execPath, PROGRAM, ...OPERANDS, ...options]
  const command = ['netns', 'exec', name, 'python3', WRAPPER, kind, 'ready', ...program]
  const child = spawn('ip', command, {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const running = new Running(child)
  await running.until('stdout', /stopped/u)
  return {
    send: (signal: keyof typeof SIGNALS) => child.stdin.write(`${SIGNALS[signal]}\n`),
    ended: running.until('stdout', /ended (-?\d+) (\d+)/u),
  }
}

const cases: ['terminal' | 'pipe' | 'socket', string[]][] = [
  ['terminal', []],
  ['terminal', ['--stats', '0.1']],
  ['terminal', ['--json', '--stats', '0.1']],
  ['pipe', []],
  ['pipe', ['--json', '--stats', '0.1']],
  ['socket', ['--stats', '0.1']],
  ['socket', ['--json', '--stats', '0.1']],
]

for (const [kind, options] of cases) {
  test(`a ${kind} that is not read does not keep the process: ${options.join(' ')}`, async (t) => {
    if (!hasTools(t, 'python3')) return
    const namespace = await withNamespace(t)
    const before = await links(namespace)
    const { send, ended } = await startUnread(t, namespace, kind, options)
    // Enough lines to fill the output.
    for (let count = 0; count < 90; count++) {
      send('SIGHUP')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    send('SIGUSR2')
    t.true((await links(namespace)).length > before.length)
    send('SIGTERM')
    send('SIGINT')
    const [, status, milliseconds = ''] = await ended
    t.is(status, '0')
    t.log(`${milliseconds} ms after the first signal`)
    t.true(Number(milliseconds) < LIMIT_MS, milliseconds)
    t.deepEqual(await links(namespace), before)
  })
}

test('a stopped terminal of another user does not keep the process', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'python3', 'setpriv')) return
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const capable = 'setpriv --inh-caps=+net_admin --ambient-caps=+net_admin'
  const user = `${capable} --reuid=65534 --regid=65534 --clear-groups`
  const prefix = ['unshare', '--mount', 'sh', '-ec', `${OPEN_TO_ALL}; exec ${user} "$@"`, 'sh']
  const { send, ended } = await startUnread(t, namespace, 'terminal', ['--stats', '0.1'], prefix)
  for (let count = 0; count < 90; count++) {
    send('SIGHUP')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  send('SIGTERM')
  send('SIGTERM')
  const [, status, milliseconds] = await ended
  t.is(status, '0')
  t.true(Number(milliseconds) < LIMIT_MS, milliseconds)
  t.deepEqual(await links(namespace), before)
})

test('a terminal that is closed does not end the relay', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const { send, ended } = await startUnread(t, namespace, 'closed', ['--stats', '0.1'])
  await new Promise((resolve) => setTimeout(resolve, 500))
  t.true((await links(namespace)).length > before.length)
  send('SIGTERM')
  // Node itself may abort at its exit then, because it cannot restore the settings of the terminal.
  const [, , milliseconds] = await ended
  t.true(Number(milliseconds) < LIMIT_MS, milliseconds)
  t.deepEqual(await links(namespace), before)
})

test('a full disk loses the output, not the relay', async (t) => {
  const namespace = await withNamespace(t)
  const before = await links(namespace)
  const full = await open('/dev/full', 'w')
  t.teardown(async () => full.close())
  const program = [process.execPath, PROGRAM, ...OPERANDS, '--json', '--stats', '0.1']
  const child = spawn('ip', ['netns', 'exec', namespace.name, ...program], {
    env: cleanEnvironment(),
    stdio: ['ignore', full.fd, full.fd],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  while ((await links(namespace)).length === before.length) await delay(20)
  child.kill('SIGUSR2')
  await delay(500)
  t.is(child.exitCode, null)
  child.kill('SIGTERM')
  t.is(await ended, 0)
  t.deepEqual(await links(namespace), before)
})

const TUNCTL = fileURLToPath(new URL('../../../dist/bin/tunctl.js', import.meta.url))

for (const [name, ...command] of [
  ['the doctor', PROGRAM, 'doctor'],
  ['the help', PROGRAM, '--help'],
  ['wrong operands', PROGRAM, 'x'],
  ['tunctl', TUNCTL, '-h'],
] as const) {
  test(`a stopped terminal holds ${name}, and SIGTERM ends it`, async (t) => {
    if (!hasTools(t, 'python3')) return
    const child = spawn('python3', [WRAPPER, 'terminal', '', process.execPath, ...command], {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const running = new Running(child)
    await running.until('stdout', /stopped/u)
    await delay(2000)
    t.notRegex(running.stdout, /ended/u, 'the output is not read')
    child.stdin.write(`${SIGNALS.SIGTERM}\n`)
    const [, status] = await running.until('stdout', /ended (-?\d+)/u)
    t.is(status, String(-SIGNALS.SIGTERM))
  })
}
