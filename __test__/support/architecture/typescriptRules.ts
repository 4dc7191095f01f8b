import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { filesIn } from './files.ts'

/**
 * The modules that each module may import from, in addition to itself and packages; `room/file` permits that
 * file only.
 *
 * tunctl must start within milliseconds, so it may not load everything that the index does. `--user` of
 * tun2udp changes the user of the process, which the library itself does not offer.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  bin: [
    'index',
    'lib/persistent/tunctl',
    'lib/persistent/persistent',
    'lib/relay/relay',
    // Also the tables that describe the program, and the values of the counters.
    'lib/relay/counters',
    'lib/relay/stats',
    'lib/formatNumber',
    'lib/relay/info',
    // `metrics` formats the states of relays in other processes.
    'lib/relay/metrics',
    // A relay is passed on to another process.
    'lib/relay/handover/descriptors',
    'lib/relay/handover/link',
    'lib/check/limits',
    'lib/options/forms',
    'lib/relay/optionTable',
    // Errors about the configuration file get a line.
    'lib/errors',
    // Requests of the control socket are checked as options are, and its clients by their users.
    'lib/check/fields',
    'lib/native/connections',
    'lib/options/table',
    // `doctor` names the platform whose addon is loaded.
    'lib/native/host',
    'lib/native/version',
  ],
  index: ['lib'],
  lib: ['#binding'],
  examples: ['index'],
  // The race runs the built program, like its peers; the race of netlink uses the library.
  bench: ['index'],
}

/** Modules that are published: the package must contain the files that they import. */
const PUBLISHED = ['bin', 'index', 'lib']

/** Returns the violations of the rules in the TypeScript sources under `root`, one line each. */
export function typescriptProblems(root: string): string[] {
  const dependencies = dependenciesOf(root)
  const folders = Object.keys(ROOMS).flatMap((room) => filesIn(root, room, '.ts'))
  return ['index.ts', ...folders].flatMap((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true)
    return importedFiles
      .map(({ fileName }) => problemWith(file, fileName, dependencies))
      .filter((problem) => problem !== undefined)
  })
}

/** The packages that the published package depends on, those of the platforms (npm/) included. */
function dependenciesOf(root: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>
  }
  const platforms = existsSync(join(root, 'npm')) ? readdirSync(join(root, 'npm')) : []
  const optional = platforms.map((platform) => `tun2udp-${platform}`)
  return [...Object.keys(manifest.dependencies ?? {}), ...optional]
}

function problemWith(file: string, target: string, dependencies: string[]): string | undefined {
  const from = roomOf(file)
  const to = target.startsWith('.') ? roomOf(join(dirname(file), target)) : roomOfPackage(target)
  if (to === undefined) {
    const isThere = isBuiltin(target) || dependencies.includes(packageOf(target))
    if (isThere || !PUBLISHED.includes(from)) return undefined
    return `${file}: ${target} is no dependency of the published package`
  }
  const path = normalize(join(dirname(file), target)).replace(/\.ts$/u, '')
  const allowed = ROOMS[from] ?? []
  if (to === from || allowed.includes(to) || allowed.includes(path)) return undefined
  return `${file}: ${from} may not import ${to} (${target})`
}

/** Returns a file's module: its first folder, or `index`. */
function roomOf(file: string): string {
  return normalize(file).split('/')[0]?.replace(/\.ts$/u, '') ?? ''
}

function roomOfPackage(target: string): string | undefined {
  if (target === 'tun2udp') return 'index'
  return target.startsWith('#') ? target : undefined
}

/** Returns the package of an import: `@scope/name/file` belongs to the package `@scope/name`. */
function packageOf(target: string): string {
  return target.split('/', target.startsWith('@') ? 2 : 1).join('/')
}
