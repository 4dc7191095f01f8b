import { spawn } from 'node:child_process'
import type { ExecutionContext } from 'ava'
import { type Namespace, withNamespace } from '../namespace.ts'
import { assertPing } from '../ping.ts'
import { freeUdpPort } from '../ports.ts'
import { Running, cleanEnvironment } from '../program.ts'

/**
 * Starts two programs with the words of `command`, each in its own namespace. They must carry a ping and end
 * with status 0.
 */
export async function assertTunnel(
  t: ExecutionContext,
  [file, ...words]: readonly [string, ...string[]],
  cwd = '/',
): Promise<void> {
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  const [nearPort, farPort] = [await freeUdpPort(), await freeUdpPort()]
  const start = async (address: string, sendPort: number, port: number, { name }: Namespace) => {
    const args = [...words, `${address}/24`, `${sendPort}`, `${port}`, '--netns', name]
    const program = new Running(
      spawn(file, args, { cwd, env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] }),
    )
    t.teardown(async () => {
      await program.end('SIGKILL')
    })
    await program.until('stdout', /^ready: /u)
    return program
  }
  const ends = [
    await start('10.9.0.1', farPort, nearPort, near),
    await start('10.9.0.2', nearPort, farPort, far),
  ]
  await assertPing(t, near, '10.9.0.2')
  for (const end of ends) t.is((await end.end()).status, 0)
}
