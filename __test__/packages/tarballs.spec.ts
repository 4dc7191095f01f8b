import { statSync } from 'node:fs'
import {
  PLATFORM_FOLDERS,
  manifestIn,
  packagesTest as test,
  platformTarballs,
  rootTarball,
} from '../support/packages/tarballs.ts'

/** The sizes of the download and of the unpacked addon; docs/platforms.md states both. */
const MAX_PACKAGE_BYTES = 1_800_000
const MAX_ADDON_BYTES = 3_900_000
const MAX_ROOT_BYTES = 320_000

/** Files that the root package may contain. */
const ROOT_FILES = [
  /^(?:package\.json|README\.md|CHANGELOG\.md|LICENSE|THIRD-PARTY\.md)$/u,
  /^dist\/completions\/(?:_?[a-z0-9]+|[a-z0-9]+\.(?:bash|fish))$/u,
  /^contrib\/tun2udp(?:-config)?@\.service$/u,
  /^contrib\/tun2udp\.schema\.json$/u,
  /^dist\/man\/(?:[a-z0-9-]+\.8|tun2udp\.conf\.5)$/u,
  /^dist\/(?:index|bin\/(?:tun2udp|tunctl)|lib\/tun2udp-[0-9a-z]{8})\.js$/u,
  /^dist\/(?:index|lib\/[\w/]+)\.d\.ts$/u,
  /^dist\/binding\.d\.ts$/u,
]

test('the root package holds what is used, and nothing else', (t) => {
  const { files, path } = rootTarball()
  t.deepEqual(
    files.filter((file) => !ROOT_FILES.some((pattern) => pattern.test(file))),
    [],
  )
  const used = ['dist/index.js', 'dist/index.d.ts', 'dist/bin/tun2udp.js', 'dist/man/tunctl.8']
  for (const file of [
    ...used,
    'dist/completions/_tunctl',
    'dist/completions/_tun2udp',
    'contrib/tun2udp@.service',
    'contrib/tun2udp-config@.service',
    'contrib/tun2udp.schema.json',
    'dist/man/tun2udp.conf.5',
  ]) {
    t.true(files.includes(file), file)
  }
  t.true(statSync(path).size <= MAX_ROOT_BYTES, String(statSync(path).size))
})

test('nothing of the root package names a source map or runs at install', (t) => {
  const root = rootTarball()
  for (const file of root.files.filter((name) => name.endsWith('.js'))) {
    t.notRegex(root.read(file).toString(), /sourceMappingURL/u, file)
  }
  t.is(root.manifest.scripts, undefined)
  t.is(root.manifest.devDependencies, undefined)
  // Those of the clone are bundled.
  t.is(root.manifest.dependencies, undefined)
})

test('each platform is an optional dependency, of the same version', (t) => {
  const { version, optionalDependencies } = rootTarball().manifest
  t.deepEqual(
    optionalDependencies,
    Object.fromEntries(
      PLATFORM_FOLDERS.map((folder) => [manifestIn(folder).name, version]).toSorted(),
    ),
  )
})

test('a platform package holds its addon and the licences, and is small', (t) => {
  t.true(platformTarballs().length > 0)
  for (const tarball of platformTarballs()) {
    const { files, path } = tarball
    const addon = tarball.manifest.main ?? ''
    t.deepEqual(files, ['LICENSE', 'README.md', 'THIRD-PARTY.md', 'package.json', addon].toSorted())
    t.true(statSync(path).size <= MAX_PACKAGE_BYTES, `${path}: ${statSync(path).size} bytes`)
    const unpacked = tarball.read(addon).length
    t.true(unpacked > 0 && unpacked <= MAX_ADDON_BYTES, `${path}: ${addon} has ${unpacked} bytes`)
  }
})
