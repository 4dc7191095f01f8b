import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { cleanEnvironment } from '../support/program.ts'

/** An addon that prints the name and the arguments of the process that loads it. */
const ADDON = `const { readFileSync } = require('node:fs')
const read = (name) => readFileSync('/proc/self/' + name, 'utf8').replaceAll('\\0', '').trim()
process.stdout.write(JSON.stringify([read('comm'), read('cmdline')]) + '\\n')
process.exit(0)
`

const programs: [string, string[]][] = [
  ['tunctl', ['--list']],
  ['tunctl', ['-t', 'a-name-that-is-cut-by-the-kernel']],
  ['tun2udp', ['10.9.0.1/24', '5001', '0']],
]

for (const [program, args] of programs) {
  test(`ps shows ${program} ${args.join(' ')}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tun2udp-title-'))
    t.teardown(() => {
      rmSync(folder, { recursive: true })
    })
    const path = join(folder, 'addon.cjs')
    writeFileSync(path, ADDON)
    const file = fileURLToPath(new URL(`../../dist/bin/${program}.js`, import.meta.url))
    const env = cleanEnvironment({ NAPI_RS_NATIVE_LIBRARY_PATH: path })
    const stdout = await new Promise<string>((resolve) => {
      execFile(process.execPath, [file, ...args], { env }, (_, text) => {
        resolve(text)
      })
    })
    t.deepEqual(JSON.parse(stdout), [program, [program, ...args].join(' ')])
  })
}
