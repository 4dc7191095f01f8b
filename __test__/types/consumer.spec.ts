import { execFile } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'

const execute = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const MODULE = `import { type RelayOptions, type TunErrorCode, TunError, openTun, startRelay } from 'tun2udp'
const options: RelayOptions = { addresses: ['10.0.0.1/24'], sendPort: 1, receivePort: 2 }
export async function main(): Promise<TunErrorCode | undefined> {
  try {
    await using relay = await startRelay(options)
    const tun = await openTun({ addresses: [relay.info.interface.name] })
    for await (const packet of tun.packets()) await tun.write(packet.subarray(0, packet.readUInt8(0)))
  } catch (error) {
    if (error instanceof TunError) return error.code
    throw error
  }
  return undefined
}
// @ts-expect-error -- the addresses are missing
export const wrong: RelayOptions = { sendPort: 1, receivePort: 2 }
`
const COMMONJS = `import { startRelay } from 'tun2udp'
export const start = startRelay
`

/** A statement of docs/typescript.md on one setting: the first error, or none. */
interface Case {
  /** The version of an older compiler, in the cache. */
  readonly compiler?: string
  readonly source?: string
  readonly file?: 'use.mts' | 'use.cts'
  readonly options: Readonly<Record<string, unknown>>
  readonly error?: RegExp
}

const node = (module: string) => ({ module, moduleResolution: module })
const bundler = (module: string) => ({ module, moduleResolution: 'bundler' })
const LOOSE = { ...node('nodenext'), skipLibCheck: true, target: 'es2022' }

const CASES: Readonly<Record<string, Case>> = {
  nodenext: { options: node('nodenext') },
  node20: { options: { module: 'node20', moduleResolution: 'node16' } },
  node16: { options: node('node16') },
  'esnext with bundler': { options: bundler('esnext') },
  'preserve with bundler': { options: bundler('preserve') },
  node10: {
    options: { module: 'esnext', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
    error: /TS2307: Cannot find module 'tun2udp'/u,
  },
  'nodenext without @types/node': {
    options: { ...node('nodenext'), types: [] },
    error: /TS2591|TS2580|TS2304|TS2307|TS2688/u,
  },
  'CommonJS with nodenext': { file: 'use.cts', source: COMMONJS, options: node('nodenext') },
  'CommonJS with node16': {
    ...{ file: 'use.cts', source: COMMONJS, options: node('node16') },
    error: /TS1479/u,
  },
  'TypeScript 5.6': { compiler: '5.6', options: node('nodenext') },
  'TypeScript 5.2': {
    ...{ compiler: '5.2', options: { ...node('nodenext'), target: 'es2022' } },
    error: /tun2udp\/dist\/.*TS2314/u,
  },
  'TypeScript 5.2 with skipLibCheck': { compiler: '5.2', options: LOOSE },
}

/** A project with the compiled package installed. */
function project(
  t: ExecutionContext,
  { source = MODULE, file = 'use.mts', options }: Case,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-consumer-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  mkdirSync(join(folder, 'node_modules/tun2udp/dist'), { recursive: true })
  for (const path of ['package.json', 'dist/index.d.ts', 'dist/binding.d.ts', 'dist/lib']) {
    cpSync(join(ROOT, path), join(folder, 'node_modules/tun2udp', path), { recursive: true })
  }
  const shared = (options['types'] as string[] | undefined) ? [] : ['@types', 'undici-types']
  for (const name of shared) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
  }
  writeFileSync(join(folder, file), source)
  const base = { target: 'es2023', lib: ['es2023', 'esnext.disposable'], types: ['node'] }
  const compilerOptions = { ...base, strict: true, noEmit: true, skipLibCheck: false, ...options }
  const settings = { compilerOptions, files: [file] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
  return folder
}

/** The compiler of the clone, or an older one that scripts/old-typescript.sh put into the cache. */
function compilerOf({ compiler }: Case): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
  const base = compiler === undefined ? ROOT : join(cache, 'tun2udp/typescript', compiler)
  return join(base, 'node_modules/typescript/lib/tsc.js')
}

for (const [name, one] of Object.entries(CASES)) {
  // One at a time: a compiler takes a CPU and 300 MB.
  test.serial(`${name} ${one.error ? 'does not work' : 'works'}`, async (t) => {
    const tsc = compilerOf(one)
    if (!existsSync(tsc)) {
      t.log(`SKIP ${t.title}: needs an older TypeScript (scripts/old-typescript.sh)`)
      t.pass()
      return
    }
    const { stdout } = await execute(process.execPath, [tsc, '--project', project(t, one)]).catch(
      (error: unknown) => error as { stdout: string },
    )
    if (one.error) t.regex(stdout, one.error)
    else t.is(stdout, '')
  })
}
