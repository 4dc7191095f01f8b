import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** Runs a command and returns its stdout. */
export type Run = (...command: string[]) => Promise<string>

/** Runs commands in a network namespace. */
export function command(namespace: string): Run {
  return async (...words) => {
    const { stdout } = await execute('ip', ['netns', 'exec', namespace, ...words])
    return stdout
  }
}

/** Creates a network namespace whose loopback interface is up. */
export async function makeNamespace(name: string): Promise<void> {
  await execute('ip', ['netns', 'add', name])
  await command(name)('ip', 'link', 'set', 'lo', 'up')
}

/** Removes a network namespace, and with it every interface that is in it. */
export async function removeNamespace(name: string): Promise<void> {
  await execute('ip', ['netns', 'delete', name])
}
