import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { temporaryFolder } from './folder.ts'
import type { Namespace } from './namespace.ts'
import { type Running, startProgram } from './program.ts'

/** Starts the program in a namespace; it ends with the test. Many commands take long on a busy machine. */
export function startIn(
  t: ExecutionContext,
  { name }: Namespace,
  args: readonly string[],
  env: Record<string, string> = {},
): Running {
  const program = startProgram(args, { netns: name, env, timeoutMs: 300_000 })
  t.teardown(async () => {
    await program.end('SIGKILL')
  })
  return program
}

export const PEERS = [
  { name: 'b', endpoint: '127.0.0.1:5556', allowedPrefixes: ['10.9.0.2/32'] },
  { name: 'c', endpoint: '127.0.0.1:5557', allowedPrefixes: ['10.9.0.3/32'] },
]

/** A running hub. */
export interface Hub {
  readonly program: Running
  /** The paths of its configuration file and of its control socket. */
  readonly file: string
  readonly path: string
  /** Writes the file with these peers. */
  readonly write: (peers: readonly object[]) => void
}

/** Starts a hub with a configuration file and a control socket. */
export async function startHub(t: ExecutionContext, namespace: Namespace): Promise<Hub> {
  const folder = temporaryFolder(t)
  const [file, path] = [join(folder, 'hub.jsonc'), join(folder, 'hub.sock')]
  const write = (peers: readonly object[]) => {
    const options = { name: 'hub0', addresses: ['10.9.0.1/24'], listen: {}, peers }
    writeFileSync(file, `${JSON.stringify(options, undefined, 2)}\n`)
  }
  write(PEERS)
  const program = startIn(t, namespace, ['--config', file, '--control', path])
  await program.until('stdout', /ready/u)
  return { program, file, path, write }
}
