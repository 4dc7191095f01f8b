import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { Connection } from '../../../bin/tun2udp/control/connection.ts'
import type { Context } from '../../../bin/tun2udp/control/method.ts'
import { takeover } from '../../../bin/tun2udp/control/requests/takeover.ts'
import { answersIn, converse } from '../../support/control.ts'
import { temporaryFolder } from '../../support/folder.ts'

const CLIENT = { pid: 1, uid: 0, gid: 0 }
const REQUESTS = 500

test('many requests of one chunk do not delay other events', async (t) => {
  const path = join(temporaryFolder(t), 'a.sock')
  const state = { handled: 0, atNextTurn: 0 }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const uses = {
      handle: async () => {
        if (state.handled === 0) setImmediate(() => (state.atNextTurn = state.handled))
        state.handled += 1
        return Promise.resolve({})
      },
      duplicate: () => -1,
      onActive: () => undefined,
      onGone: () => undefined,
    }
    new Connection(socket, CLIENT, uses, 60_000)
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const lines = Array.from({ length: REQUESTS }, (_, id) => `{"id":${id},"method":"x"}\n`)
  t.is(answersIn(await converse(path, lines.join(''))).length, REQUESTS)
  t.true(state.atNextTurn < 10, String(state.atNextTurn))
})

test('a take-over that fails without a descriptor left does not prevent the next one', async (t) => {
  const connection = {
    client: CLIENT,
    answered: Promise.resolve(),
    detach: () => {
      throw new Error('no descriptor left')
    },
  }
  const context = { connection } as unknown as Context
  const attempt = async () => takeover({ protocol: 1, version: '1.0.0' }, context)
  await t.throwsAsync(attempt, { message: 'no descriptor left' })
  await t.throwsAsync(attempt, { message: 'no descriptor left' })
})

test('a take-over over a closed descriptor is a notice, and the relay goes on', async (t) => {
  const notices: { kind: string; message: string }[] = []
  const noticed = new Promise<void>((resolve) => {
    const connection = {
      client: CLIENT,
      answered: Promise.resolve(),
      // No process has as many as these.
      detach: () => 2 ** 30,
    }
    const output = {
      notice: (notice: (typeof notices)[number]) => {
        notices.push(notice)
        resolve()
      },
    }
    const context = { connection, output } as unknown as Context
    t.notThrows(() => void takeover({ protocol: 1, version: '1.0.0' }, context))
  })
  await noticed
  t.like(notices, [{ kind: 'takeover-failed' }])
  t.regex(notices[0]?.message ?? '', /^process 1 did not take over: .*; this relay goes on$/u)
})
