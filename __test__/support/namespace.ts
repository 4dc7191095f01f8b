import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'

const execute = promisify(execFile)

/** A network namespace of a test's own, with its loopback up. */
export interface Namespace {
  /** Its name in ip-netns(8), unique on the machine. */
  readonly name: string
  /** Runs a command in it; gives its stdout. */
  run: (...command: string[]) => Promise<string>
}

/** Makes a namespace that goes with the test. */
export async function withNamespace(t: ExecutionContext): Promise<Namespace> {
  const name = `tun2udp-${randomBytes(5).toString('hex')}`
  await execute('ip', ['netns', 'add', name])
  t.teardown(async () => {
    await execute('ip', ['netns', 'delete', name])
  })
  const run = async (...command: string[]) => {
    const { stdout } = await execute('ip', ['netns', 'exec', name, ...command])
    return stdout
  }
  await run('ip', 'link', 'set', 'lo', 'up')
  return { name, run }
}
