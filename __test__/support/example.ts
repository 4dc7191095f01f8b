import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { Namespace } from './namespace.ts'
import { cleanEnvironment } from './program.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))

/** Runs an example in a namespace until it prints a line with that text; it ends with the test. */
export async function startExample(
  t: ExecutionContext,
  { name }: Namespace,
  line: string,
  ...command: readonly [file: string, ...options: readonly string[]]
): Promise<ChildProcess> {
  const [file, ...options] = command
  const node = [process.execPath, '--import', '@oxc-node/core/register', EXAMPLES + file]
  const child = spawn('ip', ['netns', 'exec', name, ...node, ...options], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  for await (const said of createInterface(child.stdout)) if (said.includes(line)) return child
  throw new Error(`${file} ended before it said "${line}": ${errors}`)
}
