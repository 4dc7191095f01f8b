import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The built program. */
export const PROGRAM = fileURLToPath(new URL('../../dist/bin/tun2udp.js', import.meta.url))

const TIMEOUT_MS = 20_000

/** Status and whole output of a program. */
export interface Ended {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Where and how the program is run. */
export interface RunOptions {
  /** Network namespace, as ip-netns(8) knows it. */
  netns?: string | undefined
  /** Variables in addition to those of this process. */
  env?: Record<string, string> | undefined
  /** Time after which it is killed, milliseconds. */
  timeoutMs?: number | undefined
}

/** A running program. */
export class Running {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ended>

  constructor(child: ChildProcess, timeoutMs = TIMEOUT_MS) {
    this.child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    this.ended = new Promise((resolve) => {
      child.once('close', (status, signal) => {
        clearTimeout(timer)
        resolve({ status, signal, stdout: this.stdout, stderr: this.stderr })
      })
    })
  }

  /** Waits until the output on a stream matches a pattern. */
  async until(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = Date.now() + TIMEOUT_MS
    while (Date.now() < deadline) {
      const match = pattern.exec(this[stream])
      if (match) return match
      if (this.child.exitCode !== null || this.child.signalCode !== null) break
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    // Output at the end of the program counts too.
    await this.ended
    const match = pattern.exec(this[stream])
    if (match) return match
    throw new Error(`no ${String(pattern)} on ${stream}:\n${this.stdout}\n${this.stderr}`)
  }

  /** Sends a signal and waits for the program's end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal)
    return this.ended
  }
}

/** Starts the program; `ip netns exec` is replaced by it, so that signals reach it. */
export function startProgram(
  args: readonly string[],
  { netns, env = {}, timeoutMs }: RunOptions = {},
): Running {
  const command = [process.execPath, PROGRAM, ...args]
  const [file = '', ...rest] =
    netns === undefined ? command : ['ip', 'netns', 'exec', netns, ...command]
  return new Running(
    spawn(file, rest, { env: cleanEnvironment(env), stdio: ['ignore', 'pipe', 'pipe'] }),
    timeoutMs,
  )
}

/** Runs the program to its end. */
export async function runProgram(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  return startProgram(args, options).ended
}

/**
 * Returns the environment without variables that would affect the program: those of npm, of a service
 * manager, the folders of control sockets, and Node's options.
 */
export function cleanEnvironment(env: Record<string, string> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) =>
      !/^npm_|^NOTIFY_SOCKET$|^RUNTIME_DIRECTORY$|^XDG_RUNTIME_DIR$|^NODE_OPTIONS$|^NAPI_RS_/u.test(
        name,
      ),
  )
  return { ...Object.fromEntries(own), ...env }
}
