import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import {
  type Tarball,
  packagesTest as test,
  platformTarballs,
} from '../support/packages/tarballs.ts'
import { hasTools } from '../support/skip.ts'

/** The glibc of RHEL 8. No maintained distribution has an older one. */
const NEWEST_GLIBC = [2, 28] as const
const MACHINES: Readonly<Record<string, RegExp>> = { x64: /X86-64/u, arm64: /AArch64/u }

/** Returns the description of an addon by readelf(1), which reads the files of any machine. */
function readelf(t: ExecutionContext, tarball: Tarball, ...options: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-elf-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'addon.node')
  writeFileSync(file, tarball.read(tarball.manifest.main ?? ''))
  return execFileSync('readelf', ['--wide', ...options, file], { encoding: 'utf8' })
}

const needed = (text: string) =>
  [...text.matchAll(/\(NEEDED\).*\[(.+)\]/gu)].map(([, name = '']) => name)

test('each addon is for the machine of its package', (t) => {
  if (!hasTools(t, 'readelf')) return
  for (const tarball of platformTarballs()) {
    const [, cpu = ''] = tarball.manifest.name.split('linux-')[1]?.match(/^(\w+)-/u) ?? []
    t.regex(readelf(t, tarball, '--file-header'), MACHINES[cpu] ?? /never/u, tarball.path)
  }
})

test('those of glibc ask for no newer symbol than glibc 2.28 has', (t) => {
  if (!hasTools(t, 'readelf')) return
  const tarballs = platformTarballs().filter(({ manifest }) => manifest.name.endsWith('-gnu'))
  t.true(tarballs.length > 0)
  for (const tarball of tarballs) {
    const text = readelf(t, tarball, '--version-info')
    const versions = [...text.matchAll(/Name: GLIBC_(\d+)\.(\d+)/gu)]
    t.true(versions.length > 0, tarball.path)
    const [major, minor] = NEWEST_GLIBC
    const newer = versions
      .filter(([, x, y]) => Number(x) > major || (Number(x) === major && Number(y) > minor))
      .map(([name]) => name)
    t.deepEqual(newer, [], tarball.path)
  }
})

test('they link the C library of their package, and nothing that a system may lack', (t) => {
  if (!hasTools(t, 'readelf')) return
  const glibc = /^(?:lib(?:c|m|dl|pthread|rt)\.so\.\d|ld-linux-[\w-]+\.so\.\d)$/u
  for (const tarball of platformTarballs()) {
    const allowed = tarball.manifest.name.endsWith('-gnu') ? glibc : /^libc\.so$/u
    const libraries = needed(readelf(t, tarball, '--dynamic'))
    t.true(libraries.length > 0, tarball.path)
    t.deepEqual(
      libraries.filter((name) => !allowed.test(name)),
      [],
      tarball.path,
    )
  }
})
