import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { execa } from 'execa'
import { printed } from '../../bench/native/debian.ts'
import { temporaryFolder } from '../support/folder.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SCRIPT = join(ROOT, 'scripts/bench-peer.sh')
const RECORDED = join(ROOT, 'bench/results')

test('a program that is not installed, and cannot be fetched, is one line with the reason', async (t) => {
  const folder = temporaryFolder(t)
  const { stdout: bash } = await execa('sh', ['-c', 'command -v bash'])
  const { stdout: dirname } = await execa('sh', ['-c', 'command -v dirname'])
  symlinkSync(bash, join(folder, 'bash'))
  symlinkSync(dirname, join(folder, 'dirname'))
  const env = { PATH: folder, XDG_CACHE_HOME: folder, HOME: folder }
  const run = (...args: string[]) =>
    execa(bash, [SCRIPT, ...args], { env, extendEnv: false, reject: false })
  const missing = await run('a-package', 'a-program-that-nobody-has')
  t.is(missing.exitCode, 1)
  t.is(missing.stdout, '')
  const reason =
    'a-program-that-nobody-has is not installed, and without apt-get it cannot be fetched'
  t.is(missing.stderr, `tun2udp: ${reason}`)
  t.regex(
    (await run('a-package')).stderr,
    /^tun2udp: usage: scripts\/bench-peer\.sh PACKAGE PROGRAM$/u,
  )
})

test('a program that is installed is used as it is', async (t) => {
  const { stdout: path } = await execa('sh', ['-c', 'command -v bash'])
  t.is((await execa(SCRIPT, ['bash', 'bash'])).stdout, path)
})

test('a version is read from either output, with any exit status', async (t) => {
  const script = (text: string) => ['-c', text]
  t.is(await printed('sh', script('echo tool v1.2 >&2; exit 1'), /tool v\S+/u), 'tool v1.2')
  await t.throwsAsync(printed('sh', script('echo nothing'), /tool v\S+/u), {
    message: 'sh did not print its version',
  })
})

test('bench:report prints several runs side by side, and refuses options', async (t) => {
  const run = (...args: string[]) =>
    execa(process.execPath, ['--import', '@oxc-node/core/register', 'bench/report.ts', ...args], {
      cwd: ROOT,
      reject: false,
    })
  const { stdout, exitCode } = await run(RECORDED, RECORDED)
  t.is(exitCode, 0)
  t.regex(stdout, /^# Runs of the bench side by side\n/u)
  t.regex(stdout, /^\| +\| results +\| results +\|$/mu)
  t.regex(stdout, /^## TCP, 1 stream, MTU 1500 \(throughput, Gbit\/s; to the plain loop\)$/mu)
  const refused = await run('--all')
  t.is(refused.exitCode, 1)
  t.is(refused.stderr, 'bench: Usage: npm run bench:report [-- DIRECTORY…]')
})
