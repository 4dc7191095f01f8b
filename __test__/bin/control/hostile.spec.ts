import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { Connection } from '../../../bin/tun2udp/control/connection.ts'
import type { Request } from '../../../bin/tun2udp/control/protocol.ts'
import { answersIn, closed } from '../../support/control.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { eventually } from '../../support/gone.ts'

// More runs for the nightly fuzzing.
const runs = { numRuns: Math.ceil(Number(process.env['TUN2UDP_FUZZ_RUNS'] ?? 300) / 10) }

/** Starts a server whose connections answer with the request. Returns its path, and the number of open connections. */
async function echoServer(t: ExecutionContext) {
  const path = join(temporaryFolder(t), 'a.sock')
  const state = { open: 0 }
  const client = { pid: 1, uid: 0, gid: 0 }
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    state.open++
    const uses = {
      handle: async ({ method, params }: Request) => {
        // Some requests take time.
        if (method.length % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
        if (method.startsWith('!')) throw new Error(method)
        return { method, params }
      },
      duplicate: () => -1,
      onActive: () => undefined,
      onGone: () => state.open--,
    }
    new Connection(socket, client, uses, 60_000)
  })
  server.listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { path, state }
}

const valid = fc
  .record({ id: fc.nat(), method: fc.stringMatching(/^!?[a-z]{1,9}$/u), params: fc.jsonValue() })
  .map((request) => Buffer.from(`${JSON.stringify(request)}\n`))

const changed = fc
  .tuple(valid, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }))
  .map(([line, changes]) => {
    const copy = Buffer.from(line)
    for (const [at, byte] of changes) copy[at % copy.length] = byte
    return copy
  })

const garbage = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes))

/** Sends bytes in parts, and returns everything that is received. `isRude`: does not wait for it. */
async function send(path: string, bytes: Buffer, places: readonly number[], isRude: boolean) {
  const socket = connect(path).on('error', () => undefined)
  let received = ''
  socket.setEncoding('utf8').on('data', (data: string) => (received += data))
  const cuts = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
    (one, other) => one - other,
  )
  let start = 0
  for (const end of cuts) {
    socket.write(bytes.subarray(start, end))
    start = end
    await new Promise((resolve) => setImmediate(resolve))
  }
  if (isRude) socket.destroy()
  else socket.end()
  await closed(socket)
  return received
}

test('whatever clients send, valid requests are answered in order, and no connection is left', async (t) => {
  const { path, state } = await echoServer(t)
  const messages = fc.array(fc.oneof({ weight: 3, arbitrary: valid }, changed, garbage), {
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(
      messages,
      fc.array(fc.nat(), { maxLength: 6 }),
      fc.boolean(),
      async (parts, places, isRude) => {
        const received = await send(path, Buffer.concat(parts), places, isRude)
        if (isRude) return
        const answers = answersIn(received)
        for (const { id, result, error } of answers) {
          t.true(id === null || Number.isSafeInteger(id))
          t.true((result === undefined) !== (error === undefined))
        }
      },
    ),
    runs,
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(valid, { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 6 }),
      async (lines, places) => {
        const answers = answersIn(await send(path, Buffer.concat(lines), places, false))
        const requests = lines.map((line) => JSON.parse(line.toString()) as Request)
        t.deepEqual(
          answers,
          requests.map(({ id, method, params }) =>
            method.startsWith('!')
              ? { id, error: { code: 'ERR_TUN_INTERNAL', message: method } }
              : { id, result: { method, params } },
          ),
        )
      },
    ),
    runs,
  )
  await eventually(t, () => state.open, 0)
})
