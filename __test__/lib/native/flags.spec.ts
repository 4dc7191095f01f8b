import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { ADDON, BUNDLES, BundlePlace, PROGRAM, runNode } from '../../support/bundle.ts'
import { cleanEnvironment } from '../../support/program.ts'
import { hasTools, rootTest } from '../../support/skip.ts'

const execute = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const WORKS = 'devices true\n'
const [major = 0] = process.versions.node.split('.').map(Number)
const PERMISSION = major < 23 ? '--experimental-permission' : '--permission'

/** Writes the program that uses the addon once. */
function program(t: ExecutionContext, text = PROGRAM): string {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-flags-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  writeFileSync(join(folder, 'use.mjs'), text)
  return join(folder, 'use.mjs')
}

/** A bundle of the program, which needs no other file than the addon next to it. */
async function bundled(t: ExecutionContext): Promise<BundlePlace> {
  const bundle = BUNDLES['esbuild.mjs']
  if (bundle === undefined) throw new Error('the bundle is missing')
  const place = await BundlePlace.build(t, 'esbuild.mjs', bundle)
  place.addonBeside()
  return place
}

/** The error names a flag, and does not advise to build or install anything. */
function assertNames(t: ExecutionContext, printed: string, flag: string): void {
  t.regex(printed, /^ERR_TUN_NATIVE_LOAD load the native addon for linux-[^\n]+\n$/u)
  t.true(printed.includes(flag), printed)
  t.notRegex(printed, /npm run build|install tun2udp again/u)
}

test('--no-addons is named, as an argument and in NODE_OPTIONS', async (t) => {
  const file = program(t)
  assertNames(t, await runNode(['--no-addons', file]), 'without --no-addons')
  assertNames(t, await runNode([file], { NODE_OPTIONS: '--no-addons' }), 'without --no-addons')
  t.is(await runNode([file]), WORKS)
})

test('--no-addons of a worker is named', async (t) => {
  const worker = program(t)
  const main = program(
    t,
    `import { Worker } from 'node:worker_threads'
    new Worker(${JSON.stringify(worker)}, { execArgv: ['--no-addons', '--no-warnings'] })`,
  )
  assertNames(t, await runNode([main]), 'without --no-addons')
})

test('the permission model needs --allow-addons, and then works', async (t) => {
  const flags = [PERMISSION, '--allow-fs-read=*']
  const file = program(t)
  assertNames(t, await runNode([...flags, file]), '--allow-addons')
  assertNames(t, await runNode([...flags, '--allow-addons', '--no-addons', file]), '--no-addons')
  t.is(await runNode([...flags, '--allow-addons', file]), WORKS)
})

test('the permission model needs --allow-fs-read for the addon, and then works', async (t) => {
  const place = await bundled(t)
  const { directory, file } = place
  // Node 20.19 looks for a package.json in each directory, and must be allowed to.
  const manifests = [directory, dirname(file)].map((folder) => join(folder, 'package.json'))
  const reads = [file, ...manifests].map((path) => `--allow-fs-read=${path}`)
  const flags = [PERMISSION, '--allow-addons', ...reads]
  assertNames(t, await place.run(...flags), '--allow-fs-read')
  t.is(await place.run(...flags, `--allow-fs-read=${join(dirname(file), ADDON)}`), WORKS)
})

test('Deno needs --allow-ffi, and then works', async (t) => {
  if (!hasTools(t, 'deno')) return
  // Deno looks for dependencies in an installed package only: a bundle has none.
  const place = await bundled(t)
  const deno = async (...flags: string[]) => {
    const run = [
      'run',
      '--quiet',
      '--allow-read',
      '--allow-env',
      '--allow-sys',
      ...flags,
      place.file,
    ]
    return (await execute('deno', run, { env: cleanEnvironment() })).stdout
  }
  assertNames(t, await deno(), '--allow-ffi')
  t.is(await deno('--allow-ffi'), WORKS)
})

rootTest('a file system that is mounted with noexec is named', async (t) => {
  const file = program(t)
  const script = `mount -t tmpfs -o noexec tmpfs /mnt && cp '${ROOT}dist/${ADDON}' /mnt
    NAPI_RS_NATIVE_LIBRARY_PATH=/mnt/${ADDON} exec '${process.execPath}' '${file}'`
  const { stdout } = await execute('unshare', ['--mount', 'sh', '-ec', script], {
    env: cleanEnvironment(),
  })
  assertNames(t, stdout, 'noexec')
})

test('the path in NAPI_RS_NATIVE_LIBRARY_PATH is relative to the working directory', async (t) => {
  const file = program(t)
  const { stdout } = await execute(process.execPath, [file], {
    cwd: ROOT,
    env: cleanEnvironment({ NAPI_RS_NATIVE_LIBRARY_PATH: `dist/${ADDON}` }),
  })
  t.is(stdout, WORKS)
})
