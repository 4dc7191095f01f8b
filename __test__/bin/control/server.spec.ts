import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { REQUEST_BYTES_MAX } from '../../../bin/tun2udp/control/protocol.ts'
import { CONNECTIONS_MAX } from '../../../bin/tun2udp/control/server.ts'
import {
  answersIn,
  closed,
  connected,
  controlled,
  converse,
  startControlled,
} from '../../support/control.ts'
import { descriptorsOf } from '../../support/descriptors.ts'
import { FAKE_STATS } from '../../support/fakeBinding.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { eventually } from '../../support/gone.ts'
import { runProgram } from '../../support/program.ts'
import { untilTrue } from '../../support/wait.ts'

const SHOW = '{"id":1,"method":"show"}\n'

test('the socket has the mode 0600, answers in order, and is removed at the end', async (t) => {
  const { program, path } = await controlled(t)
  t.is(statSync(path).mode & 0o777, 0o600)
  const requests = [1, 2, 3].map((id) => `{"id":${id},"method":"show","params":{}}\n`).join('')
  const answers = answersIn(await converse(path, requests))
  t.deepEqual(
    answers.map(({ id }) => id),
    [1, 2, 3],
  )
  t.like(answers[0]?.result, { pid: program.child.pid, stats: FAKE_STATS })
  // The drops of the fake are problems.
  const { problems } = answers[0]?.result as { problems: string[] }
  t.true(problems.some((problem) => problem.includes('another address than that of the peer')))
  t.like(await program.end('SIGTERM'), { status: 0 })
  t.false(existsSync(path))
})

test('a wrong request has an error, and the next one is answered', async (t) => {
  const { path } = await controlled(t)
  const wrong = [
    '{"id":1,"method":"shwo"}',
    '{"id":2,"method":"show","params":{"name":"x"}}',
    '{"id":3,"method":"show","params":null}',
    '{"id":4,"method":"show","parms":{}}',
    '{"id":5,"method":"constructor"}',
    '{"id":6,"method":"show"}',
  ]
  const answers = answersIn(await converse(path, `${wrong.join('\n')}\n`))
  t.deepEqual(
    answers.map(({ id, error }) => [id, error?.code]),
    [...[1, 2, 3, 4, 5].map((id) => [id, 'ERR_TUN_INVALID_ARGUMENT']), [6, undefined]],
  )
  t.regex(
    answers[0]?.error?.message ?? '',
    /^find the method "shwo": expected one of show, .*stop$/u,
  )
  t.is(answers[1]?.error?.message, 'Invalid property of params "name": expected none')
})

test('other protocols and lines that are too long have one error, and the connection is closed', async (t) => {
  const { path } = await controlled(t)
  for (const sent of [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    '[1]\n',
    '\n',
    'x'.repeat(REQUEST_BYTES_MAX + 1),
  ]) {
    const answers = answersIn(await converse(path, `${sent}\n${SHOW}`))
    t.deepEqual(
      answers.map(({ id, error }) => [id, error?.code]),
      [[null, 'ERR_TUN_INVALID_ARGUMENT']],
      sent.slice(0, 20),
    )
  }
  // The longest line is read.
  const padded = SHOW.trimEnd().padEnd(REQUEST_BYTES_MAX)
  t.is(answersIn(await converse(path, `${padded}\n`))[0]?.id, 1)
})

test('a half line has no answer', async (t) => {
  const { path } = await controlled(t)
  t.is(await converse(path, SHOW.trimEnd()), '')
  t.is(answersIn(await converse(path, `${SHOW}{"id`)).length, 1)
})

test('before the relay is ready only stop is possible', async (t) => {
  const path = join(temporaryFolder(t), 'a.sock')
  const program = startControlled(t, path, {
    startAwaitsSignal: true,
    events: [{ kind: 'gso-off', message: 'the start is running' }],
  })
  await program.until('stderr', /running/u)
  const [answer] = answersIn(await converse(path, SHOW))
  t.is(answer?.error?.code, 'ERR_TUN_BUSY')
  const socket = await connected(t, path)
  socket.write('{"id":1,"method":"stop"}\n')
  await once(socket, 'data')
  // The fake waits for a signal too.
  program.child.kill('SIGTERM')
  t.like(await program.ended, { status: 0 })
})

test('stop closes its connection when the process has ended and the socket is removed', async (t) => {
  const { program, path } = await controlled(t)
  const idle = await connected(t, path)
  const answers = answersIn(await converse(path, '{"id":9,"method":"stop"}\n'))
  t.deepEqual(answers, [{ id: 9, result: {} }])
  t.false(existsSync(path))
  t.like(await program.ended, { status: 0 })
  await closed(idle)
})

test('the socket of a killed process is replaced; that of a running one, a file and a folder are not', async (t) => {
  const { program, path } = await controlled(t)
  t.like(await startControlled(t, path).ended, {
    status: 1,
    stdout: '',
    stderr: `tun2udp: listen for commands at ${path}: another program uses it, or a file is there; choose another one\n`,
  })
  // The first one still answers.
  t.is(answersIn(await converse(path, SHOW)).length, 1)
  await program.end('SIGKILL')
  t.true(existsSync(path))
  const next = startControlled(t, path)
  await next.until('stdout', /ready/u)
  t.is(answersIn(await converse(path, SHOW)).length, 1)
  await next.end('SIGTERM')
  writeFileSync(path, 'precious')
  t.like(await startControlled(t, path).ended, { status: 1, stdout: '' })
  t.is(statSync(path).size, 'precious'.length)
  const folder = join(temporaryFolder(t), 'folder')
  mkdirSync(folder)
  t.like(await startControlled(t, folder).ended, { status: 1, stdout: '' })
  t.true(statSync(folder).isDirectory())
})

test('a path that cannot be used is one line, and no relay is started', async (t) => {
  const missing = join(temporaryFolder(t), 'missing/a.sock')
  const { status, stdout, stderr } = await startControlled(t, missing).ended
  t.deepEqual([status, stdout], [1, ''])
  t.is(
    stderr,
    `tun2udp: listen for commands at ${missing}: the folder does not exist; create it first\n`,
  )
  for (const wrong of ['', `/${'x'.repeat(107)}`, 'é'.repeat(54)]) {
    const ended = await runProgram(['10.0.0.1', '5001', '5002', '--control', wrong])
    t.is(ended.status, 2)
    t.regex(
      ended.stderr,
      /^tun2udp: option '--control <path>' argument '.*' is invalid: expected the path of a Unix socket, 1 to 107 bytes; see `tun2udp --help`\n$/u,
    )
  }
})

test('a client of another user is refused, root is not', async (t) => {
  const path = join(temporaryFolder(t), 'a.sock')
  const other = String((process.getuid?.() ?? 0) + 12_345)
  const program = startControlled(t, path, {}, { FAKE_CLIENT: other })
  await program.until('stdout', /ready/u)
  t.deepEqual(answersIn(await converse(path, SHOW)), [
    {
      id: null,
      error: {
        code: 'ERR_TUN_PERMISSION',
        message: `the user ${other} may not use this relay; only root and its own user may`,
      },
    },
  ])
  await program.end('SIGTERM')
  const next = startControlled(t, path, {}, { FAKE_CLIENT: '0' })
  await next.until('stdout', /ready/u)
  t.is(answersIn(await converse(path, SHOW)).length, 1)
})

test('of many connections the one that is idle for the longest time is closed', async (t) => {
  const { program, path } = await controlled(t)
  const sockets = []
  for (let count = 0; count < CONNECTIONS_MAX; count++) sockets.push(await connected(t, path))
  const [first, second] = sockets
  // The first one is active, so the second one goes.
  first?.write(SHOW)
  if (first) await once(first, 'data')
  const last = await connected(t, path)
  if (second) await closed(second)
  last.write(SHOW)
  await once(last, 'data')
  t.false(first?.destroyed)
  t.like(await program.end('SIGTERM'), { status: 0 })
})

test('10,000 connections leave no descriptors, and the relay answers', async (t) => {
  const { program, path } = await controlled(t)
  const before = descriptorsOf(program.child.pid)
  for (let round = 0; round < 100; round++) {
    const sockets = Array.from({ length: 100 }, () => {
      const socket = connect(path).on('error', () => undefined)
      socket.write(round % 2 === 0 ? '{"id":1,"meth' : SHOW)
      return socket
    })
    await Promise.all(
      sockets.map(async (socket) => {
        // A full queue is an error.
        if (socket.connecting) {
          await Promise.race([
            new Promise((resolve) => socket.once('connect', resolve)),
            closed(socket),
          ])
        }
      }),
    )
    t.true(descriptorsOf(program.child.pid) < before + 200)
    for (const socket of sockets) socket.destroy()
  }
  // The kernel may still have connections for the relay, for which it closes others.
  let answers: ReturnType<typeof answersIn> = []
  await untilTrue('the relay answers', async () => {
    answers = answersIn(await converse(path, SHOW))
    return answers.length > 0
  })
  t.is(answers[0]?.id, 1)
  await eventually(t, () => descriptorsOf(program.child.pid), before)
  t.like(await program.end('SIGTERM'), { status: 0 })
})

test('a client that does not read its answers has one, and does not keep the process', async (t) => {
  const { program, path } = await controlled(t)
  const slow = connect(path).on('error', () => undefined)
  slow.pause()
  t.teardown(() => slow.destroy())
  await once(slow, 'connect')
  // Far more answers than the buffers of the socket hold. Those behind the first full buffer are not made.
  for (let count = 0; count < 20_000; count++) slow.write(SHOW)
  t.is(answersIn(await converse(path, SHOW))[0]?.id, 1)
  const rss = /VmRSS:\s+(\d+)/u
  const memory = Number(
    rss.exec(readFileSync(`/proc/${program.child.pid ?? 0}/status`, 'utf8'))?.[1],
  )
  // 20,000 answers have 50 MB or more.
  t.true(memory < 400_000, String(memory))
  t.like(await program.end('SIGTERM'), { status: 0 })
})
