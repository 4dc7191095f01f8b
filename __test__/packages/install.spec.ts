import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { withPlace, withProject } from '../support/packages/place.ts'
import { ROOT, hasPackages, manifestIn, packagesTest } from '../support/packages/tarballs.ts'
import { assertTunnel } from '../support/packages/tunnel.ts'
import { rootTest } from '../support/skip.ts'

const VERSION = manifestIn('.').version

const CONSUMER = `import { openTun, type Relay, startRelay, TunError, type RelayOptions, type TunDevice } from 'tun2udp'
const options: RelayOptions = { addresses: ['10.0.0.1/24'], sendPort: 1, receivePort: 2 }
export async function main(): Promise<void> {
  try {
    await using relay: Relay = await startRelay(options)
    console.log(relay.info.interface.name)
    const device: TunDevice = await openTun({ addresses: ['10.0.1.1/24'] })
    for await (const packet of device) console.log(packet.length)
  } catch (error) {
    if (error instanceof TunError && error.code === 'ERR_TUN_BUSY') return
    throw error
  }
}
// @ts-expect-error -- the addresses are missing
export const wrong: RelayOptions = { sendPort: 1, receivePort: 2 }
`

packagesTest(
  'an installed package has one addon, and loads by import and by require',
  async (t) => {
    const project = await withProject(t)
    t.is(project.installed().length, 2, project.installed().join())
    const list = 'list().then((all) => console.log(Array.isArray(all)))'
    project.write('import.mjs', `import { listDevices as list } from 'tun2udp'\n${list}\n`)
    project.write('require.cjs', `const { listDevices: list } = require('tun2udp')\n${list}\n`)
    t.is(await project.run(process.execPath, 'import.mjs'), 'true\n')
    t.is(await project.run(process.execPath, 'require.cjs'), 'true\n')
  },
)

packagesTest('a consumer in TypeScript compiles under nodenext and bundler', async (t) => {
  const project = await withProject(t)
  project.write('consumer.mts', CONSUMER)
  for (const [module, moduleResolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const compilerOptions = {
      ...{ module, moduleResolution, strict: true, noEmit: true, skipLibCheck: false },
      ...{ target: 'es2023', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
      typeRoots: [join(ROOT, 'node_modules/@types')],
    }
    project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['consumer.mts'] }))
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    await t.notThrowsAsync(project.run(process.execPath, tsc, '--project', '.'), moduleResolution)
  }
})

packagesTest('both programs run through npx, a global install and a link', async (t) => {
  const project = await withProject(t)
  t.is(await project.run('npx', '--no-install', 'tun2udp', '--version'), `${VERSION}\n`)
  t.regex(await project.run('npx', '--no-install', 'tun2udp-tunctl', '--help'), /tunctl/u)
  await project.run('npm', 'install', '--global', '--prefix', join(project.folder, 'g'), 'tun2udp')
  t.is(await project.run(join(project.folder, 'g/bin/tun2udp'), '--version'), `${VERSION}\n`)
  t.regex(await project.run(join(project.folder, 'g/bin/tun2udp-tunctl'), '--help'), /tunctl/u)
  symlinkSync(join(project.folder, 'g/bin/tun2udp'), join(project.folder, 'link'))
  t.is(await project.run(join(project.folder, 'link'), '--version'), `${VERSION}\n`)
})

packagesTest('a tunctl of another package does not prevent a global installation', async (t) => {
  const project = await withProject(t)
  const prefix = join(project.folder, 'usr')
  const others = [
    'bin/tunctl',
    'sbin/tunctl',
    'share/man/man8/tunctl.8',
    'share/man/man8/tunctl.8.gz',
  ]
  for (const path of others) {
    mkdirSync(join(prefix, dirname(path)), { recursive: true })
    writeFileSync(join(prefix, path), 'of uml-utilities')
  }
  await project.run('npm', 'install', '--global', '--prefix', prefix, 'tun2udp')
  for (const path of others)
    t.is(readFileSync(join(prefix, path), 'utf8'), 'of uml-utilities', path)
  t.is(await project.run(join(prefix, 'bin/tun2udp'), '--version'), `${VERSION}\n`)
  for (const page of ['tun2udp.8', 'tun2udp-tunctl.8'])
    t.true(existsSync(join(prefix, 'share/man/man8', page)), page)
  // The link of docs/tunctl.md.
  const link = join(project.folder, 'tunctl')
  symlinkSync(join(prefix, 'lib/node_modules/tun2udp/dist/bin/tunctl.js'), link)
  t.regex(await project.run(link, '--help'), /^Create: tunctl/u)
})

packagesTest('without its platform package it says what to do', async (t) => {
  const place = await withPlace(t)
  place.write('package.json', JSON.stringify({ private: true }))
  await place.run('npm', 'install', '--omit=optional', 'tun2udp')
  place.write('use.mjs', `import { listDevices } from 'tun2udp'\nawait listDevices()\n`)
  const { stderr } = (await t.throwsAsync(place.run(process.execPath, 'use.mjs'))) as unknown as {
    stderr: string
  }
  t.regex(stderr, /the optional dependency tun2udp-linux-\w+-\w+ is not installed/u)
  t.regex(stderr, /no --omit=optional/u)
})

rootTest('two installed programs are a tunnel', async (t) => {
  if (!hasPackages(t)) return
  const { folder } = await withProject(t)
  await assertTunnel(t, [join(folder, 'node_modules/.bin/tun2udp')])
})

rootTest('a device of an installed package is addressed, written and read', async (t) => {
  if (!hasPackages(t)) return
  const project = await withProject(t)
  copyFileSync(join(ROOT, 'scripts/device-smoke.js'), join(project.folder, 'smoke.mjs'))
  t.regex(await project.run('unshare', '--net', process.execPath, 'smoke.mjs'), /^device ok on /u)
})
