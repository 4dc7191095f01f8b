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

/** What a shell line left behind. Texts have a character for each byte. */
export interface Left {
  stdout: string
  stderr: string
  /** As the shell has it: 128 and more for a signal. */
  status: number
  /** `ip -json -details link`, but for what is random and what the kernel does at its leisure. */
  devices: Record<string, unknown>[]
}

/** How a case is run. */
export interface Around {
  /** Shell lines before the case; what they start in the background ends with the case. */
  before?: string
  /** The case needs another user than root: the program is run as nobody by `as_nobody`. */
  isUnprivileged?: boolean
}

/**
 * The body of every case: in network, mount and process namespaces of its own, so that it may change what
 * it likes. `$before` and `$line` are shell lines, `$left` is where files go.
 */
const SCRIPT = `
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
ip link set lo up
eval "$before" || { echo "the preparation failed" >&2; exit 1; }
( eval "$line" ) >"$left/stdout" 2>"$left/stderr" </dev/null
echo $? >"$left/status"
ip -json -details link >"$left/devices"
`

/** What of a device cannot be compared. */
const LEISURELY = ['address', 'operstate', 'qdisc', 'NO-CARRIER', 'LOWER_UP']

/** A folder of the tests of one file, gone with them. */
const folder = mkdtempSync(join(tmpdir(), 'tun2udp-tunctl-'))
// mkdtemp(3) keeps others out, and one of them runs the program.
chmodSync(folder, 0o755)
test.after.always(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** The built program as a user who is nobody can run it too, wherever the repository stands. */
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

/** A folder for PATH with that program alone, called `tunctl`. */
function link(name: string, target: string): string {
  const path = join(folder, name)
  mkdirSync(path)
  symlinkSync(target, join(path, 'tunctl'))
  return path
}

/** The program of uml-utilities; not a script of this package that stands before it on PATH. */
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
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  const json = (await read('devices')).replaceAll(/[\0-\u0009\u000B-\u001F]/gu, '\\u0000')
  const devices = JSON.parse(json) as Record<string, unknown>[]
  return {
    stdout: await read('stdout'),
    stderr: await read('stderr'),
    status: Number(await read('status')),
    devices: devices.map(comparable),
  }
}

/** Addresses are random, and the kernel sees to the carrier some time after the device was let go. */
function comparable(device: Record<string, unknown>): Record<string, unknown> {
  const left = Object.entries(device).filter(([key]) => !LEISURELY.includes(key))
  const flags = (device['flags'] as string[]).filter((flag) => !LEISURELY.includes(flag))
  return { ...Object.fromEntries(left), flags }
}

/** A root test with tools; those of one file run one after the other, so that files run side by side. */
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

/** A test that a shell line leaves the same behind with both programs. */
export function sameTest(line: string, around: Around = {}): void {
  const { before } = around
  const title = JSON.stringify(before === undefined ? line : `${before}; ${line}`)
  tunctlTest(title, around, async (t) => {
    if (!hasTools(t, 'tunctl')) return
    original ??= link('original', findOriginal() ?? 'nowhere')
    const [expected, actual] = [await run(original, line, around), await runOurs(line, around)]
    // Whatever it is, it is not that a program was not there, or not run.
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
