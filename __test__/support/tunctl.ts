import { execFile } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { cleanEnvironment } from './program.ts'
import { hasTools, rootTest } from './skip.ts'

const execute = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TIMEOUT_MS = 30_000

/** Results of a shell line. Texts have one character per byte. */
export interface Left {
  stdout: string
  stderr: string
  /** Exit status of the shell: 128 and more for a signal. */
  status: number
  /** `ip -json -details link` without random values and without values that the kernel changes later. */
  devices: Record<string, unknown>[]
}

/** How a case is run. */
export interface Around {
  /** Shell lines before the case. Their background processes end with the case. */
  before?: string
  /** The case needs a user other than root: `as_nobody` runs the program as the user `nobody`. */
  isUnprivileged?: boolean
}

/**
 * The body of every case. It runs in its own network, mount and process namespaces, so that it may change
 * anything. `$before` and `$line` are shell lines, `$left` is the folder of files.
 */
const SCRIPT = `
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
ip link set lo up
eval "$before" || { echo "the preparation failed" >&2; exit 1; }
( eval "$line" ) >"$left/stdout" 2>"$left/stderr" </dev/null
echo $? >"$left/status"
ip -json -details link >"$left/devices"
`

/** Properties of a device that cannot be compared. */
const LEISURELY = ['address', 'operstate', 'qdisc', 'NO-CARRIER', 'LOWER_UP']

/** Creates a folder for the tests of one file, which is removed after them. */
const folder = mkdtempSync(join(tmpdir(), 'tun2udp-tunctl-'))
// mkdtemp(3) denies access to other users, and one of them runs the program.
chmodSync(folder, 0o755)
test.after.always(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** The built program in a place where the user `nobody` can run it too. */
function installOurs(): string {
  const installed = join(folder, 'package')
  for (const part of ['package.json', 'dist/bin', 'dist/lib']) {
    cpSync(join(ROOT, part), join(installed, part), { recursive: true })
  }
  const addon = /^tun2udp\.[^/]*\.node$/u
  cpSync(join(ROOT, 'dist'), join(installed, 'dist'), {
    recursive: true,
    filter: (path) => path === join(ROOT, 'dist') || addon.test(path.slice(ROOT.length + 5)),
  })
  return link('ours', join(installed, 'dist/bin/tunctl.js'))
}

/** Creates a folder for PATH that contains only that program, as `tunctl`. */
function link(name: string, target: string): string {
  const path = join(folder, name)
  mkdirSync(path)
  symlinkSync(target, join(path, 'tunctl'))
  return path
}

/** The program of uml-utilities, not a script of this package that precedes it on PATH. */
function findOriginal(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'tunctl'))
    .find((path) => {
      try {
        return !realpathSync(path).endsWith('.js')
      } catch {
        return false
      }
    })
}

let ours: string | undefined
let original: string | undefined
let turns: Promise<unknown> = Promise.resolve()

/** Runs a shell line with our program as `tunctl`. */
export async function runOurs(line: string, around: Around = {}): Promise<Left> {
  ours ??= installOurs()
  return run(ours, line, around)
}

async function run(path: string, line: string, { before = ':' }: Around): Promise<Left> {
  const left = mkdtempSync(join(folder, 'left-'))
  const env = cleanEnvironment({
    PATH: [path, dirname(process.execPath), process.env['PATH']].join(delimiter),
    before,
    line,
    left,
  })
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  await execute('unshare', [...namespaces, 'sh', '-c', SCRIPT], { env, timeout: TIMEOUT_MS })
  const read = async (name: string) => readFile(join(left, name), 'latin1')
  // ip(8) puts control characters into its JSON as they are.
  // eslint-disable-next-line no-control-regex -- they are searched for
  const json = (await read('devices')).replaceAll(/[\0-\u0009\u000B-\u001F]/gu, '\\u0000')
  const devices = JSON.parse(json) as Record<string, unknown>[]
  return {
    stdout: await read('stdout'),
    stderr: await read('stderr'),
    status: Number(await read('status')),
    devices: devices.map(comparable),
  }
}

/** Addresses are random, and the kernel changes the carrier some time after the device was closed. */
function comparable(device: Record<string, unknown>): Record<string, unknown> {
  const left = Object.entries(device).filter(([key]) => !LEISURELY.includes(key))
  const flags = (device['flags'] as string[]).filter((flag) => !LEISURELY.includes(flag))
  return { ...Object.fromEntries(left), flags }
}

/** A root test with tools. The tests of one file run one after the other, so that files run in parallel. */
export function tunctlTest(
  title: string,
  around: Around,
  body: (t: ExecutionContext) => Promise<void>,
): void {
  rootTest(title, async (t) => {
    if (!hasTools(t, 'unshare', 'setpriv', 'socat')) return
    const turn = turns.then(async () => {
      if (around.isUnprivileged && !(await canRunAsNobody(t))) return
      await body(t)
    })
    turns = turn.catch(() => undefined)
    await turn
  })
}

/** A test that a shell line has the same results with both programs. */
export function sameTest(line: string, around: Around = {}): void {
  const { before } = around
  const title = JSON.stringify(before === undefined ? line : `${before}; ${line}`)
  tunctlTest(title, around, async (t) => {
    if (!hasTools(t, 'tunctl')) return
    original ??= link('original', findOriginal() ?? 'nowhere')
    const [expected, actual] = [await run(original, line, around), await runOurs(line, around)]
    // The program must exist and have run.
    t.true([0, 1, 141].includes(expected.status), JSON.stringify(expected))
    t.deepEqual(actual, expected)
  })
}

async function canRunAsNobody(t: ExecutionContext): Promise<boolean> {
  const node = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath]
  try {
    await execute('setpriv', [...node, '--version'])
    return true
  } catch {
    t.log(`SKIP ${t.title}: another user may not run ${process.execPath}`)
    t.pass()
    return false
  }
}
