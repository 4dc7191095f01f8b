// Completes package-lock.json after `npm install`: `node scripts/complete-lock.mjs`.
//
// npm writes no entry for an optional platform package that the registry in use does not serve (a
// mirror may hold those of its own platform only), and `npm ci` then refuses the lock everywhere. Each
// gets an entry with its exact version and platform, so that the lock means the same on any registry.
// Addresses of packages are taken out: they would name the registry in use.
import { readFileSync, writeFileSync } from 'node:fs'

const PATH = new URL('../package-lock.json', import.meta.url)
const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openbsd', 'openharmony', 'sunos', 'win32']
const LIBCS = { gnu: 'glibc', gnueabihf: 'glibc', musl: 'musl', musleabihf: 'musl' }

/** What a platform package's name says of where it runs, as napi-rs names them; else undefined. */
function platformOf(name) {
  if (name.endsWith('-wasm32-wasi')) return { cpu: ['wasm32'] }
  const [, system, cpu, abi] = /-([a-z0-9]+)-([a-z0-9]+)(?:-([a-z]+))?$/u.exec(name) ?? []
  if (!SYSTEMS.includes(system)) return undefined
  const libc = LIBCS[abi]
  return { cpu: [cpu], os: [system], ...(system === 'linux' && libc ? { libc: [libc] } : {}) }
}

function complete(packages) {
  const added = []
  for (const { dev, optionalDependencies = {} } of Object.values(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const key = `node_modules/${name}`
      const platform = platformOf(name)
      // A range names no one version: npm must have resolved it.
      if (packages[key] || !platform || !/^\d+\.\d+\.\d+$/u.test(version)) continue
      packages[key] = { version, ...platform, ...(dev ? { dev } : {}), optional: true }
      added.push(`${name}@${version}`)
    }
  }
  return added
}

const lock = JSON.parse(readFileSync(PATH, 'utf8'))
for (const entry of Object.values(lock.packages)) delete entry.resolved
const added = complete(lock.packages)
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
)
writeFileSync(PATH, `${JSON.stringify(lock, undefined, 2)}\n`)
console.log(added.length === 0 ? 'package-lock.json was complete' : `added: ${added.join(', ')}`)
