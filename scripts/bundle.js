/**
 * `node scripts/bundle.js`: writes the library and the programs into few files of `dist`, and prints the names of
 * these files.
 *
 * Node needs 0.7 ms and 50 kB of memory for each file that it loads, and the library has 140 modules. esbuild writes
 * `dist/index.js`, `dist/bin` and files that they share (chunks), with the npm packages that they use. It writes a chunk
 * for each set of entries that share code, and each module that is loaded with `import()` is an entry. rollup therefore
 * joins the chunks that are loaded together. Names and lines stay readable: nothing is minified.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { rollup } from 'rollup'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LIBRARY = 'index.ts'
const PROGRAMS = ['bin/tun2udp.ts', 'bin/tunctl.ts']

/** The modules that each start of a relay loads: the program, and those that it always loads with `import()`. */
const START = ['bin/tun2udp.ts', 'bin/tun2udp/program.ts', 'bin/tun2udp/control/server.ts']

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

/** Bundles with esbuild. Returns the text of each file by its path, and the description of all. */
async function split() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [LIBRARY, ...PROGRAMS],
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
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'warning',
  })
  const texts = new Map(outputFiles.map(({ path, text }) => [relative(ROOT, path), text]))
  return { texts, metafile }
}

/** Fails if a package is bundled whose licence THIRD-PARTY.md does not have. */
function checkLicences({ inputs }) {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const input of Object.keys(inputs)) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(input) ?? []
    if (name !== undefined && !Object.hasOwn(dependencies, name)) {
      throw new Error(`${name} is bundled, but not one of the dependencies of package.json`)
    }
  }
}

/** Returns the files that are loaded with some entries: their imports, and the imports of these. */
function loadedWith({ outputs }, entries) {
  const loaded = new Set()
  const visit = (path) => {
    if (loaded.has(path) || outputs[path] === undefined) return
    loaded.add(path)
    for (const { path: next, kind } of outputs[path].imports) {
      if (kind === 'import-statement') visit(next)
    }
  }
  for (const [path, { entryPoint }] of Object.entries(outputs)) {
    if (entries.includes(entryPoint)) visit(path)
  }
  return loaded
}

/** Joins the files of esbuild. Returns the code of each file by its path. */
async function joined({ texts, metafile }) {
  const groups = [
    // tunctl starts within milliseconds, so it does not load the library.
    ['common', loadedWith(metafile, ['bin/tunctl.ts'])],
    ['library', loadedWith(metafile, [LIBRARY])],
    ['program', loadedWith(metafile, START)],
  ]
  const entries = [LIBRARY, ...PROGRAMS].map((entry) => join('dist', entry.replace(/ts$/u, 'js')))
  const bundle = await rollup({
    input: Object.fromEntries(entries.map((path) => [relative('dist', path).slice(0, -3), path])),
    // esbuild has removed what is not used.
    treeshake: false,
    plugins: {
      name: 'files of esbuild',
      resolveId: (source, importer) => {
        if (importer === undefined) return source
        return source.startsWith('.') ? join(dirname(importer), source) : false
      },
      load: (path) => texts.get(path),
    },
  })
  const { output } = await bundle.generate({
    format: 'es',
    entryFileNames: '[name].js',
    // lib/native/origin.ts knows this name.
    chunkFileNames: 'lib/tun2udp-[hash].js',
    hashCharacters: 'base36',
    minifyInternalExports: false,
    // Otherwise dist/index.js would have an import of each module of Node as well.
    hoistTransitiveImports: false,
    // Entries stay on their own: a program begins when its file is loaded.
    manualChunks: (path) =>
      entries.includes(path) ? undefined : groups.find(([, files]) => files.has(path))?.[0],
  })
  await bundle.close()
  return output
}

const files = await split()
checkLicences(files.metafile)
const output = await joined(files)
// Entries last: a program that starts at this time finds all files of either version.
for (const { fileName, code, isEntry } of output.toSorted((a, b) => a.isEntry - b.isEntry)) {
  const path = join(ROOT, 'dist', fileName)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, code)
  if (isEntry && fileName.startsWith('bin/')) chmodSync(`${path}.new`, 0o755)
  renameSync(`${path}.new`, path)
  console.log(join('dist', fileName))
}
