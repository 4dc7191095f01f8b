import {
  type ChildProcess,
  type PromiseWithChild,
  type SpawnOptions,
  execFile,
  spawn,
} from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import type { NativeNamespace } from '#binding'
import { checkList } from '../check/list.ts'
import { visit } from './open.ts'

/** The output of a program. */
export interface Output {
  readonly stdout: string
  readonly stderr: string
}

/** The options of {@link Namespace.run}, which are those of `execFile()`; output is text. */
export interface RunOptions {
  readonly cwd?: string | URL
  readonly env?: NodeJS.ProcessEnv
  /** Milliseconds until the program is killed. Default: 0, never. */
  readonly timeout?: number
  /** Bytes of each output, at most. Default: 1048576. */
  readonly maxBuffer?: number
  readonly killSignal?: NodeJS.Signals | number
  readonly uid?: number
  readonly gid?: number
  readonly shell?: boolean | string
  /** Kills the program when it is aborted. */
  readonly signal?: AbortSignal
}

/** Starts a process in the namespace. The options are copied first, so that no getter runs there. */
export function spawnIn(native: NativeNamespace, given: readonly unknown[]): ChildProcess {
  const [command, ...rest] = given
  const args = rest.length > 0 && Array.isArray(rest[0]) ? copyList(rest.shift()) : []
  // Node refuses values that are neither a list nor an object.
  const options = rest.length > 1 ? rest[1] : rest[0]
  if (options !== undefined && (typeof options !== 'object' || options === null))
    return spawn(command as string, args, options as SpawnOptions)
  const copied = withEnvironment(options ?? {})
  return visit(native, () => spawn(command as string, args, copied))
}

/** Runs a program in the namespace to its end. */
export function runIn(
  native: NativeNamespace,
  file: string,
  args: readonly string[],
  options: RunOptions,
): PromiseWithChild<Output> {
  const copied = { ...withEnvironment(options), encoding: 'utf8' as const }
  const list = copyList(args)
  return visit(native, () => promisify(execFile)(file, list, copied))
}

function copyList(args: unknown): string[] {
  return checkList('args', args) as string[]
}

function withEnvironment<T extends object>(options: T): T & { env: NodeJS.ProcessEnv } {
  const { env = process.env } = options as { env?: NodeJS.ProcessEnv }
  return { ...options, env: { ...env } }
}

/** Kills a process, and resolves once it has ended. */
export async function endProcess(child: ChildProcess): Promise<void> {
  const isRunning = child.pid !== undefined && child.exitCode === null && child.signalCode === null
  if (!isRunning) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
