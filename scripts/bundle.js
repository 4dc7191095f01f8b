/**
 * `node scripts/bundle.js`: writes the library and the programs into few files of `dist`, and prints the names of
 * these files.
 *
 * Node needs 0.7 ms and 50 kB of memory for each module that it loads, and the library has 140 of them. `dist/index.js`
 * and `dist/bin` share files in `dist/lib` (chunks). Modules that only some commands need stay files of their own,
 * because they are loaded with `import()`.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PROGRAMS = ['bin/tun2udp', 'bin/tunctl']

/** The `require` of a module of Node, which an ES module does not have. */
const requiredModules = {
  name: 'required modules of Node',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'require-call' ? { path, namespace: 'builtin' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
  },
}

const { outputFiles, metafile } = await build({
  absWorkingDir: ROOT,
  entryPoints: ['index.ts', ...PROGRAMS.map((program) => `${program}.ts`)],
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  // The ES modules of dependencies need no `require`.
  mainFields: ['module', 'main'],
  // The platform packages are found at run time.
  external: ['tun2udp', 'tun2udp-*'],
  plugins: [requiredModules],
  outdir: 'dist',
  // lib/native/origin.ts knows this name.
  chunkNames: 'lib/tun2udp-[hash]',
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'warning',
})

// THIRD-PARTY.md has the licences of the dependencies.
const { dependencies } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'))
for (const input of Object.keys(metafile.inputs)) {
  const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(input) ?? []
  if (name !== undefined && !Object.hasOwn(dependencies, name)) {
    throw new Error(`${name} is bundled, but not one of the dependencies of package.json`)
  }
}

// Entries last: a program that starts at this time finds all files of either version.
const isEntry = ({ path }) => metafile.outputs[relative(ROOT, path)].entryPoint?.includes('.ts')
const ordered = outputFiles.toSorted((a, b) => Number(isEntry(a) ?? 0) - Number(isEntry(b) ?? 0))
for (const { path, contents } of ordered) {
  const file = relative(ROOT, path)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, contents)
  if (PROGRAMS.includes(file.replace(/^dist\/(.*)\.js$/u, '$1'))) chmodSync(`${path}.new`, 0o755)
  renameSync(`${path}.new`, path)
  console.log(file)
}
