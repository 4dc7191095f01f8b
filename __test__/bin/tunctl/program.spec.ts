import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { cleanEnvironment } from '../../support/program.ts'

const PROGRAM = fileURLToPath(new URL('../../../dist/bin/tunctl.js', import.meta.url))
const { version } = createRequire(import.meta.url)('tun2udp/package.json') as { version: string }

/** An addon that does not exist. */
const BROKEN = { NAPI_RS_NATIVE_LIBRARY_PATH: '/no/such/addon.node' }
const NO_ADDON =
  /^tunctl: load the native addon for linux-\w+-\w+: \/no\/such\/addon\.node: Cannot find module [^\n]+; unset NAPI_RS_NATIVE_LIBRARY_PATH, [^\n]+\n$/u

interface Ended {
  status: string | number | null | undefined
  stdout: string
  stderr: string
}

async function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const env = cleanEnvironment(BROKEN)
    execFile(process.execPath, [PROGRAM, ...args], { env }, (error, stdout, stderr) => {
      resolve({ status: error ? error.code : 0, stdout, stderr })
    })
  })
}

test('what needs no device and no look-up needs no addon', async (t) => {
  t.deepEqual(await run('--version'), { status: 0, stdout: `${version}\n`, stderr: '' })
  const { status, stdout } = await run('--help')
  t.is(status, 0)
  for (const args of [['-x'], ['-t'], ['operand'], ['--list', '-b']]) {
    const refused = await run(...args)
    t.is(refused.status, 1)
    t.is(refused.stdout, '')
    t.true(stdout.startsWith(refused.stderr.replace(/^tunctl: .*\n/u, '')), refused.stderr)
  }
})

for (const args of [[], ['-d', 'x'], ['-u', '5'], ['-g', 'root', '-x'], ['--list'], ['--json']]) {
  test(`an addon that cannot be loaded is one line: ${JSON.stringify(args)}`, async (t) => {
    const { status, stdout, stderr } = await run(...args)
    t.is(status, 1)
    t.is(stdout, '')
    t.regex(stderr, NO_ADDON)
  })
}
