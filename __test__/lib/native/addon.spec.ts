import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test, { type ExecutionContext } from 'ava'
import { requireAddon } from '../../../lib/native/addon.ts'
import type { Host } from '../../../lib/native/host.ts'
import { cleanEnvironment } from '../../support/program.ts'

const execute = promisify(execFile)
const CODE = { code: 'ERR_TUN_NATIVE_LOAD' }

// An addon of the environment precedes everything that is asserted here.
test.before(() => {
  delete process.env['NAPI_RS_NATIVE_LIBRARY_PATH']
})

function refused(t: ExecutionContext, host: Host): string {
  return t.throws(() => requireAddon(host), CODE).message
}

test.serial('a platform that has no package is named, with those that have one', (t) => {
  const message = refused(t, { platform: 'linux', arch: 'riscv64', libc: 'gnu' })
  t.regex(message, /^load the native addon for linux-riscv64-gnu: there is no package for it/u)
  t.regex(message, /linux-arm64-musl/u)
  t.regex(message, /npm run build/u)
})

test.serial('a package that is not installed is named, with the file that was looked for', (t) => {
  const message = refused(t, { platform: 'linux', arch: 'arm64', libc: 'musl' })
  t.regex(message, /the optional dependency tun2udp-linux-arm64-musl is not installed/u)
  t.regex(message, /dist\/tun2udp\.linux-arm64-musl\.node/u)
  t.regex(message, /no --omit=optional/u)
})

test.serial('what dlopen(3) said is told, with the file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-addon-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, 'broken.node')
  writeFileSync(file, 'no library')
  process.env['NAPI_RS_NATIVE_LIBRARY_PATH'] = file
  t.teardown(() => {
    delete process.env['NAPI_RS_NATIVE_LIBRARY_PATH']
  })
  const message = refused(t, { platform: 'linux', arch: 'x64', libc: 'gnu' })
  t.true(message.startsWith(`load the native addon for linux-x64-gnu: ${file}: `), message)
  t.regex(message, /file too short|invalid ELF header/u)
  t.notRegex(message, /\n/u)
})

for (const platform of ['darwin', 'win32']) {
  test.serial(
    `on ${platform} import works, and the first use says that it is for Linux`,
    async (t) => {
      const script = `
      Object.defineProperty(process, 'platform', { value: '${platform}' })
      import('tun2udp').then(({ startRelay, parseAddress }) => {
        console.log(typeof parseAddress)
        return startRelay({ addresses: ['10.0.0.1'], sendPort: 1, receivePort: 2 })
      }).catch(({ code, message }) => console.log(code, message))`
      const { stdout } = await execute(process.execPath, ['-e', script], {
        env: cleanEnvironment(),
      })
      t.regex(
        stdout,
        new RegExp(
          `^function\\nERR_TUN_NATIVE_LOAD load the native addon for ${platform}-\\w+: this is not Linux; .* on Linux only\\n$`,
          'u',
        ),
      )
    },
  )
}
