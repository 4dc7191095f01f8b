import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { PLATFORM_FOLDERS, ROOT, manifestIn } from '../support/packages/tarballs.ts'

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

test('the crates are of the version of the packages', (t) => {
  const cargo = (path: string) => readFileSync(join(ROOT, path), 'utf8')
  const [, version] =
    /^\[workspace\.package\]\nversion = "([^"]+)"/mu.exec(cargo('Cargo.toml')) ?? []
  t.is(version, manifestIn('.').version)
  for (const path of ['Cargo.toml', 'crate/core/Cargo.toml']) {
    t.regex(cargo(path), /^version\.workspace = true$/mu, path)
  }
})
