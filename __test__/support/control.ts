import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { type Behaviour, fakeEnvironment } from './fakeBinding.ts'
import { temporaryFolder } from './folder.ts'
import { type Running, startProgram } from './program.ts'

const OPERANDS = ['10.0.0.1/24', '5001', '5002']

/** Starts the program over the fake native layer, with a control socket. It ends with the test. */
export function startControlled(
  t: ExecutionContext,
  path: string,
  behaviour: Behaviour = {},
  env: Record<string, string> = {},
  more: readonly string[] = [],
): Running {
  const program = startProgram([...OPERANDS, '--control', path, ...more], {
    env: { ...fakeEnvironment(behaviour), ...env },
    timeoutMs: 90_000,
  })
  t.teardown(async () => {
    await program.end('SIGKILL')
  })
  return program
}

/** Starts it, and returns it with the path of the socket once the relay is ready. */
export async function controlled(
  t: ExecutionContext,
): Promise<{ readonly program: Running; readonly path: string }> {
  const path = join(temporaryFolder(t), 'a.sock')
  const program = startControlled(t, path)
  await program.until('stdout', /ready/u)
  return { program, path }
}

/** Connects to a socket. The connection is closed after the test. */
export async function connected(t: ExecutionContext, path: string): Promise<Socket> {
  const socket = connect(path).on('error', () => undefined)
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Waits until a connection is closed, also by an error. */
export async function closed(socket: Socket): Promise<void> {
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve))
}

/** Sends a text and closes this half of the connection. Returns everything that is received until its end. */
export async function converse(path: string, sent: string | Uint8Array): Promise<string> {
  const socket = connect(path).on('error', () => undefined)
  socket.end(sent)
  let received = ''
  socket.setEncoding('utf8').on('data', (data: string) => (received += data))
  await closed(socket)
  return received
}

/** Returns the answers in the text that was received. */
export function answersIn(received: string): readonly {
  readonly id: number | null
  readonly result?: unknown
  readonly error?: { readonly code: string; readonly message: string }
}[] {
  const lines = received.split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as ReturnType<typeof answersIn>[number])
}
