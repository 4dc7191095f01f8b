/* eslint-disable no-control-regex -- the sequences of terminals are the subject */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { Snapshot } from '../../../bin/tun2udp/control/snapshot.ts'
import { startHub } from '../../support/controlled.ts'
import { withNamespace } from '../../support/namespace.ts'
import { PROGRAM, Running, cleanEnvironment } from '../../support/program.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

const TERMINAL = fileURLToPath(new URL('../../support/screen.py', import.meta.url))

/** Starts `show --watch` on a terminal. */
function onTerminal(t: ExecutionContext, path: string) {
  const child = spawn(
    'python3',
    [TERMINAL, '60', '8', process.execPath, PROGRAM, 'show', path, '--watch'],
    {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  t.teardown(() => child.kill('SIGKILL'))
  return { running: new Running(child), send: (line: string) => child.stdin.write(`${line}\n`) }
}

const ENTER = '\u001B[?1049h\u001B[?25l'
const LEAVE = '\u001B[?25h\u001B[?1049l'
const FRAME = /(?:\u001B\[H[^]*?\u001B\[J)/u
const THREE_FRAMES = /(?:\u001B\[H[^]*?\u001B\[J[^]*?){3}/u
const RESTORED = /\u001B\[\?25h\u001B\[\?1049l\s*(?:\^C)?\s*ended 0/u

test('show --watch refreshes a terminal, fits into it, and restores it', async (t) => {
  if (!hasTools(t, 'python3')) return
  const { path } = await startHub(t, await withNamespace(t))
  for (const end of ['signal 2', 'signal 15', 'type \\x03']) {
    const { running, send } = onTerminal(t, path)
    // Three frames.
    await running.until('stdout', THREE_FRAMES)
    send(end)
    await running.until('stdout', /ended 0/u)
    t.true(running.stdout.startsWith(ENTER), JSON.stringify(running.stdout.slice(0, 20)))
    t.is(running.stdout.split(ENTER).length, 2)
    t.regex(running.stdout, RESTORED)
    const frame = running.stdout.split('\u001B[H')[1]?.split('\u001B[J')[0] ?? ''
    const lines = frame.replaceAll(/\u001B\[K/gu, '').split('\r\n')
    t.true(lines.length <= 8 && lines.every((line) => line.length <= 60), frame)
    t.regex(lines[0] ?? '', /^hub0: 10\.9\.0\.1\/24, up/u)
    t.regex(lines.at(-2) ?? '', /^… \d+ more lines$/u)
  }
})

test('a stopped terminal does not keep show --watch, and Ctrl-C restores it', async (t) => {
  if (!hasTools(t, 'python3')) return
  const { path } = await startHub(t, await withNamespace(t))
  for (const end of ['signal 15', 'type \\x03']) {
    const { running, send } = onTerminal(t, path)
    await running.until('stdout', FRAME)
    // Ctrl-S.
    send('type \\x13')
    await new Promise((resolve) => setTimeout(resolve, 2500))
    send(end)
    await running.until('stdout', /ended 0/u)
    if (end.startsWith('type')) t.true(running.stdout.includes(LEAVE))
  }
})

test('show --watch writes no sequences to a pipe, and ends with its reader or a signal', async (t) => {
  const { program, path } = await startHub(t, await withNamespace(t))
  const watch = (...args: string[]) =>
    new Running(
      spawn(process.execPath, [PROGRAM, 'show', path, '--watch', ...args], {
        env: cleanEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    )
  const text = watch()
  await text.until('stdout', /(?:^hub0: [^]*){2}/mu)
  t.like(await text.end('SIGINT'), { status: 0, stderr: '' })
  t.notRegex(text.stdout, /\u001B/u)
  const json = watch('--json')
  await json.until('stdout', /\n.*\n/u)
  const [first = '', second = ''] = json.stdout.split('\n')
  t.true((JSON.parse(second) as Snapshot).uptimeMs > (JSON.parse(first) as Snapshot).uptimeMs)
  json.child.stdout?.destroy()
  t.like(await json.ended, { status: 0 })
  // The relay may end and come back.
  const left = watch()
  await left.until('stdout', /hub0/u)
  await program.end('SIGTERM')
  await left.until('stdout', /there is no such socket/u)
  t.like(await left.end('SIGTERM'), { status: 0 })
})
