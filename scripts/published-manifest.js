/**
 * Prints the manifest of the root package as it is published: without the entries that only a clone needs, and with
 * the platform packages (npm/) as optional dependencies. In a clone, `npm ci` would request these from the registry.
 * The other dependencies are part of the published files (scripts/bundle.js).
 */
import { readFileSync, readdirSync } from 'node:fs'

const root = new URL('../', import.meta.url)
const read = (path) => JSON.parse(readFileSync(new URL(path, root), 'utf8'))
const platforms = readdirSync(new URL('npm/', root))
  .toSorted()
  .map((folder) => read(`npm/${folder}/package.json`))

const manifest = read('package.json')
const CLONE_ONLY = ['scripts', 'dependencies', 'devDependencies', 'overrides', 'ava', 'napi']
for (const key of CLONE_ONLY) delete manifest[key]
manifest.optionalDependencies = Object.fromEntries(
  platforms.map(({ name, version }) => [name, version]),
)
console.log(JSON.stringify(manifest, undefined, 2))
