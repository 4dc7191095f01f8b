import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { Running, cleanEnvironment } from './support/program.ts'
import { hasTools, rootTest } from './support/skip.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** Runs an example to its good end; gives what it printed, and which files V8 saw run. */
async function run(
  t: ExecutionContext,
  ...command: string[]
): Promise<{ stdout: string; ran: string[] }> {
  const coverage = mkdtempSync(join(tmpdir(), 'tun2udp-examples-'))
  t.teardown(() => {
    rmSync(coverage, { recursive: true })
  })
  const args = ['--import', '@oxc-node/core/register', ...command]
  const env = cleanEnvironment({ NODE_V8_COVERAGE: coverage })
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const { status, stdout, stderr } = await new Running(child).ended
  t.is(status, 0, `${command.join(' ')}\n${stdout}${stderr}`)
  const reports = readdirSync(coverage).map(
    (name) =>
      JSON.parse(readFileSync(join(coverage, name), 'utf8')) as { result: { url: string }[] },
  )
  const urls = reports.flatMap(({ result }) => result.map(({ url }) => url))
  return {
    stdout,
    ran: urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url)),
  }
}

rootTest('the demo runs, with every file of it', async (t) => {
  if (!hasTools(t, 'unshare')) return
  const demo = await run(t, 'examples/demo/demo.ts', '1')
  t.regex(demo.stdout, /^ping +\d+ µs[^]+^TCP +\d+\.\d+ Gbit\/s/mu)
  const files = readdirSync(`${ROOT}examples/demo`).map((name) => `${ROOT}examples/demo/${name}`)
  t.deepEqual(
    files.filter((file) => !demo.ran.includes(file)),
    [],
  )
})

test('every folder of the examples is run here, and each file beside them by netns/examples.spec.ts', (t) => {
  const entries = readdirSync(`${ROOT}examples`, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  t.deepEqual(folders, ['demo'])
  const tests = readFileSync(`${ROOT}__test__/netns/examples.spec.ts`, 'utf8')
  for (const { name } of entries.filter((entry) => entry.isFile()))
    t.true(tests.includes(`, '${name}'`), name)
})
