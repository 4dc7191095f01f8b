import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { withNamespace } from '../../support/namespace.ts'
import { OPEN_TO_ALL } from '../../support/nobody.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url))

/** Runs the program until it is ready, and ends it; the status is that of the program. */
const UNTIL_READY = `
import { spawn } from 'node:child_process'
const args = ['${DIST}bin/tun2udp.js', ...process.argv.slice(2)]
const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
child.stdout.on('data', (data) => {
  process.stdout.write(data)
  child.kill()
})
child.on('close', (status) => process.exit(status ?? 1))`

/** Returns the literal blocks of a manual page, for this machine: the user is `nobody`, and the peer is on it. */
async function examplesOf(program: string): Promise<string[]> {
  const page = await readFile(`${DIST}man/${program}.8`, 'utf8')
  const [, section = ''] = /^\.Sh EXAMPLES\n(.*?)^\.Sh /msu.exec(page) ?? []
  return [...section.matchAll(/^\.Bd -literal[^\n]*\n(.*?)^\.Ed/gmsu)].map(([, block = '']) =>
    block
      .replaceAll('\\e', '\\')
      .replaceAll('--regid alice', '--regid nogroup')
      .replaceAll('alice', 'nobody')
      .replaceAll(/[ab]\.example/gu, '127.0.0.1'),
  )
}

/** Creates commands with the names of the programs; returns their folder. */
async function commands(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tun2udp-manual-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await chmod(folder, 0o755)
  await writeFile(join(folder, 'until-ready.mjs'), UNTIL_READY)
  const files = { tun2udp: join(folder, 'until-ready.mjs'), tunctl: `${DIST}bin/tunctl.js` }
  for (const [name, file] of Object.entries(files)) {
    const path = join(folder, name)
    await writeFile(path, `#!/bin/sh\nexec '${process.execPath}' '${file}' "$@"\n`, { mode: 0o755 })
    await chmod(path, 0o755)
  }
  return folder
}

test('the examples in the manual of tun2udp work, without root too', async (t) => {
  if (!hasTools(t, 'setpriv', 'unshare') || !isOpenToOthers(t)) return
  const folder = await commands(t)
  const examples = await examplesOf('tun2udp')
  t.is(examples.length, 3)
  for (const example of examples) {
    const namespace = await withNamespace(t)
    const script = `${OPEN_TO_ALL}; PATH=${folder}:$PATH\n${example}`
    const output = await namespace.run('unshare', '--mount', 'sh', '-ec', script)
    const starts = example.match(/^ *tun2udp /gmu) ?? []
    t.is((output.match(/^ready: /gmu) ?? []).length, starts.length, example)
  }
})

test('the examples in the manual of tunctl work', async (t) => {
  const folder = await commands(t)
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'link', 'add', 'br0', 'type', 'bridge')
  const [create = '', remove = '', ...others] = await examplesOf('tunctl')
  t.deepEqual(others, [])
  const shown = 'ip -o link show dev "$name"\n'
  const script = `PATH=${folder}:$PATH\n${create}${shown}${remove}`
  const output = await namespace.run('sh', '-ec', script)
  t.regex(output, /^\d+: tap0: .* master br0 /mu)
  t.regex(output, /^Set 'tap0' nonpersistent$/mu)
  t.notRegex(await namespace.run('ip', 'link'), /tap0/u)
})
