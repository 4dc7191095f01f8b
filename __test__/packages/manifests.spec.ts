import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { PLATFORM_FOLDERS, ROOT, manifestIn } from '../support/packages/tarballs.ts'

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8')

test('there is a package for each target of package.json', (t) => {
  const { napi } = manifestIn('.') as unknown as { napi: { targets: string[] } }
  const expected = napi.targets.map((target) =>
    target
      .replace('x86_64-unknown-linux', 'npm/linux-x64')
      .replace('aarch64-unknown-linux', 'npm/linux-arm64'),
  )
  t.deepEqual(PLATFORM_FOLDERS.toSorted(), expected.toSorted())
})

for (const folder of PLATFORM_FOLDERS) {
  test(`${folder} says what it is for, and is of the version of all`, (t) => {
    const [, os, cpu, libc] = /^npm\/(\w+)-(\w+)-(\w+)$/u.exec(folder) ?? []
    const manifest = manifestIn(folder)
    t.is(manifest.name, `tun2udp-${folder.slice('npm/'.length)}`)
    t.deepEqual(manifest.os, [os ?? ''])
    t.deepEqual(manifest.cpu, [cpu ?? ''])
    t.deepEqual(manifest.libc, [libc === 'gnu' ? 'glibc' : 'musl'])
    t.is(manifest.main, `tun2udp.${folder.slice('npm/'.length)}.node`)
    t.is(manifest.version, manifestIn('.').version)
  })
}

test('the crates, the lock and the library have the version of the packages', (t) => {
  const lock = JSON.parse(textOf('package-lock.json')) as { version: string }
  t.is(lock.version, manifestIn('.').version)
  t.true(textOf('lib/native/version.ts').includes(`'${manifestIn('.').version}'`))
  const [, version] =
    /^\[workspace\.package\]\nversion = "([^"]+)"/mu.exec(textOf('Cargo.toml')) ?? []
  t.is(version, manifestIn('.').version)
  for (const path of ['Cargo.toml', 'crate/core/Cargo.toml']) {
    t.regex(textOf(path), /^version\.workspace = true$/mu, path)
  }
})

test('the oldest Rust is the same wherever it is named, and is tried', (t) => {
  const [, oldest = ''] = /^rust-version = "([\d.]+)"$/mu.exec(textOf('Cargo.toml')) ?? []
  for (const path of ['Cargo.toml', 'crate/core/Cargo.toml']) {
    t.regex(textOf(path), /^rust-version\.workspace = true$/mu, path)
  }
  t.true(textOf('README.md').includes(`(${oldest} or newer)`))
  t.true(textOf('CONTRIBUTING.md').includes(`Rust ${oldest} or newer`))
  for (const path of ['.ci/run', '.github/workflows/ci.yml']) {
    t.regex(textOf(path), /^ *(?:step )?scripts\/oldest-rust\.sh$/mu, path)
  }
})

test('the oldest Node is the same wherever it is named, and is tried', (t) => {
  const [, oldest = ''] = /^>=(\d+\.\d+)$/u.exec(manifestIn('.').engines?.node ?? '') ?? []
  for (const folder of PLATFORM_FOLDERS) t.is(manifestIn(folder).engines?.node, `>=${oldest}`)
  t.true(textOf('README.md').includes(`Node ${oldest} or newer`))
  t.true(textOf('CONTRIBUTING.md').includes(`Node ${oldest} or newer`))
  t.true(textOf('scripts/setup.sh').includes(`node_floor=${oldest}\n`))
  t.true(textOf('scripts/node-versions.sh').includes(`for version in ${oldest}.0 `))
})

test('what workflows use is pinned by commit, and none may write by default', (t) => {
  const folder = '.github/workflows'
  for (const name of readdirSync(join(ROOT, folder))) {
    const text = textOf(`${folder}/${name}`)
    const uses = [...text.matchAll(/\buses: *(.*)$/gmu)].map(([, action = '']) => action)
    t.true(uses.length > 0, name)
    for (const action of uses) t.regex(action, /^[\w-]+\/[\w-]+@[\da-f]{40} # v[\d.]+$/u, name)
    t.regex(text, /^permissions:\n {2}contents: read\n\n/mu, name)
  }
})
