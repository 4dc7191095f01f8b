import { execFile } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { build } from 'esbuild'
import { rollup } from 'rollup'
import { cleanEnvironment } from './program.ts'

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url))

/** The name of the addon in `dist`, as `tun2udp.linux-x64-gnu.node`. */
export const ADDON = readdirSync(DIST).find((name) => name.endsWith('.node')) ?? ''

/** The name of the platform package that contains this addon. */
export const PACKAGE = `tun2udp-${ADDON.split('.')[1] ?? ''}`

/** Uses the addon once, and prints that it has devices, or the error. */
export const PROGRAM = `import { listDevices } from '${DIST}index.js'
listDevices().then(
  (devices) => console.log('devices', devices.length >= 0),
  ({ code, message }) => console.log(code, message),
)
`

const execute = promisify(execFile)

/** A bundler and its settings. */
export type Bundle = (input: string, output: string) => Promise<unknown>

const esbuild =
  (options: Parameters<typeof build>[0]): Bundle =>
  async (entry, outfile) =>
    build({
      ...{ entryPoints: [entry], bundle: true, platform: 'node', logLevel: 'error' },
      ...(options.splitting === true
        ? { outdir: dirname(outfile), outExtension: { '.js': '.mjs' } }
        : { outfile }),
      ...options,
    })

/** Rollup resolves relative imports only. The only package is CommonJS and stays outside. */
const rolled =
  (format: 'cjs' | 'esm'): Bundle =>
  async (input, file) => {
    const bundle = await rollup({ input, external: ['ipaddr.js', /^node:/u] })
    await bundle.write({ file, format, inlineDynamicImports: true })
    await bundle.close()
  }

/** Builds that users make, by title; the name contains the extension of the output. */
export const BUNDLES: Readonly<Record<string, Bundle>> = {
  'esbuild.cjs': esbuild({ format: 'cjs' }),
  'esbuild-minified.cjs': esbuild({ format: 'cjs', minify: true }),
  'esbuild.mjs': esbuild({ format: 'esm' }),
  'esbuild-minified.mjs': esbuild({ format: 'esm', minify: true }),
  'esbuild-splitting.mjs': esbuild({ format: 'esm', splitting: true }),
  'esbuild-no-url.mjs': esbuild({ format: 'esm', define: { 'import.meta.url': 'undefined' } }),
  'esbuild-web-url.mjs': esbuild({
    format: 'esm',
    define: { 'import.meta.url': '"https://a.example/app.js"' },
  }),
  'esbuild-other-machine.cjs': esbuild({
    format: 'cjs',
    define: { 'import.meta.url': '"file:///no/such/machine/dist/lib/native/origin.js"' },
  }),
  'rollup.cjs': rolled('cjs'),
  'rollup.mjs': rolled('esm'),
}

/** A directory outside of the clone that contains one bundle. */
export class BundlePlace {
  readonly directory: string
  readonly file: string

  private constructor(directory: string, name: string) {
    this.directory = directory
    this.file = join(directory, 'app', name)
  }

  static async build(t: ExecutionContext, name: string, bundle: Bundle): Promise<BundlePlace> {
    const directory = mkdtempSync(join(tmpdir(), 'tun2udp-bundle-'))
    t.teardown(() => {
      rmSync(directory, { recursive: true })
    })
    const place = new BundlePlace(directory, name)
    const entry = join(directory, `${name.replace(/\.\w+$/u, '')}.js`)
    writeFileSync(entry, PROGRAM)
    // Rollup leaves the one CommonJS dependency outside.
    place.dependency('ipaddr.js')
    await bundle(entry, place.file)
    return place
  }

  /** Copies a dependency of the clone to the place. */
  dependency(name: string): void {
    const source = join(DIST, '../node_modules', name)
    const target = join(this.directory, 'node_modules', name)
    const { main } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as {
      main: string
    }
    mkdirSync(dirname(join(target, main)), { recursive: true })
    for (const file of ['package.json', main]) copyFileSync(join(source, file), join(target, file))
  }

  /** Installs the platform package below a directory of the place, with a version other than the real one if given. */
  platformPackage(below = '.', version?: string): void {
    const folder = join(this.directory, below, 'node_modules', PACKAGE)
    mkdirSync(folder, { recursive: true })
    copyFileSync(join(DIST, ADDON), join(folder, ADDON))
    const path = join(DIST, '../npm', PACKAGE.replace('tun2udp-', ''), 'package.json')
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as { version: string }
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ ...manifest, version: version ?? manifest.version }),
    )
  }

  /** Copies the compiled library, without an addon, to the place where npm installs it. */
  copyLibrary(): void {
    const target = join(this.directory, 'node_modules/tun2udp')
    for (const path of ['dist/index.js', 'dist/lib', 'package.json']) {
      cpSync(join(DIST, '..', path), join(target, path), { recursive: true })
    }
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.directory, path)), { recursive: true })
    writeFileSync(join(this.directory, path), text)
  }

  /** Copies the addon next to the bundle. */
  addonBeside(): void {
    copyFileSync(join(DIST, ADDON), join(dirname(this.file), ADDON))
  }

  async run(...flags: string[]): Promise<string> {
    return runNode([...flags, this.file])
  }
}

/** Runs Node, without the warnings of experimental features, and returns what it printed. */
export async function runNode(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const options = { env: cleanEnvironment(env) }
  const { stdout } = await execute(process.execPath, ['--no-warnings', ...args], options)
  return stdout
}
