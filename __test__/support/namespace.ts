import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'

const execute = promisify(execFile)

/** A network namespace for one test, whose loopback interface is up. */
export interface Namespace {
  /** Its name in ip-netns(8), unique on the machine. */
  readonly name: string
  /** Runs a command in it and returns its stdout. */
  run: (...command: string[]) => Promise<string>
}

/** Variables of commands. Node packages have commands with the names of system tools, such as `nft`. */
export const ENVIRONMENT = {
  ...process.env,
  PATH: (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
    .join(delimiter),
}

/** Creates a namespace that is removed after the test. */
export async function withNamespace(t: ExecutionContext): Promise<Namespace> {
  const name = `tun2udp-${randomBytes(5).toString('hex')}`
  await execute('ip', ['netns', 'add', name])
  t.teardown(async () => {
    await execute('ip', ['netns', 'delete', name])
  })
  const run = async (...command: string[]) => {
    const args = ['netns', 'exec', name, ...command]
    const { stdout } = await execute('ip', args, { env: ENVIRONMENT })
    return stdout
  }
  await run('ip', 'link', 'set', 'lo', 'up')
  return { name, run }
}
