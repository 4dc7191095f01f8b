import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import type { Namespace } from './namespace.ts'
import { PROGRAM, type Running, startProgram } from './program.ts'

/** Operands of the program. Nothing listens on the port of the peer, and each namespace has its own ports. */
export const OPERANDS = ['10.9.0.1/24', '5001', '0']

/** The ready line of these operands, with the name of the interface and the port. */
export const READY =
  /^ready: (\S+) 10\.9\.0\.1\/24 mtu 1500, UDP 127\.0\.0\.1:(\d+) to 127\.0\.0\.1:5001\n$/u

/** Starts the program in the namespace; it ends with the test. */
export function start(
  t: ExecutionContext,
  { name }: Namespace,
  args: string[],
  env?: Record<string, string>,
): Running {
  const program = startProgram(args, { netns: name, env })
  t.teardown(async () => {
    await program.end('SIGKILL')
  })
  return program
}

/** Returns the names of the interfaces of a namespace. */
export async function links(namespace: Namespace): Promise<string[]> {
  const list = JSON.parse(await namespace.run('ip', '-j', 'link')) as { ifname: string }[]
  return list.map(({ ifname }) => ifname)
}

/** Sends a packet of 84 bytes into the interface: 20 of IP, 8 of UDP, 56 of payload. */
export async function sendPacket(namespace: Namespace): Promise<void> {
  const script =
    "const s = require('dgram').createSocket('udp4'); s.send(Buffer.alloc(56), 9, '10.9.0.2', () => s.close())"
  await namespace.run(process.execPath, '-e', script)
}

/** Returns the arguments of Node that run the program. */
export function programArgs(operands: readonly string[]): string[] {
  return [PROGRAM, ...operands]
}

/** Reads a stream to its end. */
export async function text(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding('utf8')
  let all = ''
  stream.on('data', (data: string) => (all += data))
  await once(stream, 'end')
  return all
}
