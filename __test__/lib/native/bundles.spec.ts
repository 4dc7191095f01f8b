import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeFileTrace } from '@vercel/nft'
import test from 'ava'
import { PLATFORMS } from '../../../lib/native/packages.ts'
import { VERSION } from '../../../lib/native/version.ts'
import { ADDON, BUNDLES, type Bundle, BundlePlace, PACKAGE } from '../../support/bundle.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const WORKS = 'devices true\n'

/** The bundler of a name. */
function bundleOf(name: string): Bundle {
  const bundle = BUNDLES[name]
  if (bundle === undefined) throw new Error(`no bundle is called ${name}`)
  return bundle
}

for (const [name, bundle] of Object.entries(BUNDLES)) {
  test(`${name}: without an addon, one error says what to leave out or to copy`, async (t) => {
    const place = await BundlePlace.build(t, name, bundle)
    const printed = await place.run()
    t.true(printed.startsWith('ERR_TUN_NATIVE_LOAD load the native addon for linux-'), printed)
    t.is(printed.trim().split('\n').length, 1)
    t.true(printed.includes('--external:tun2udp'), printed)
    t.notRegex(printed, /Cannot find module|createRequire|npm run build/u)
    if (/no-url|web-url/u.test(name)) {
      t.regex(printed, /the bundler removed import\.meta\.url and __filename/u)
    } else {
      t.true(printed.includes(`copy node_modules/${PACKAGE}/${ADDON} to ${dirname(place.file)}`))
    }
  })

  if (/no-url|web-url/u.test(name)) continue
  test(`${name}: finds the addon next to the bundle`, async (t) => {
    const place = await BundlePlace.build(t, name, bundle)
    place.addonBeside()
    t.is(await place.run(), WORKS)
  })

  test(`${name}: finds the platform package`, async (t) => {
    const place = await BundlePlace.build(t, name, bundle)
    place.platformPackage()
    t.is(await place.run(), WORKS)
  })
}

test('a bundle finds a platform package that only the installed tun2udp sees', async (t) => {
  const place = await BundlePlace.build(t, 'esbuild.mjs', bundleOf('esbuild.mjs'))
  place.write('node_modules/tun2udp/package.json', JSON.stringify({ name: 'tun2udp' }))
  place.platformPackage('node_modules/tun2udp')
  t.is(await place.run(), WORKS)
})

test('a platform package of another version is refused with both versions', async (t) => {
  const place = await BundlePlace.build(t, 'esbuild.cjs', bundleOf('esbuild.cjs'))
  place.platformPackage('.', '99.0.0')
  t.true((await place.run()).includes(`${PACKAGE} has version 99.0.0, and tun2udp ${VERSION}; `))
})

test('a tracer finds the platform package', async (t) => {
  const place = await BundlePlace.build(t, 'esbuild.cjs', bundleOf('esbuild.cjs'))
  place.platformPackage()
  place.copyLibrary()
  const entry = join(place.directory, 'node_modules/tun2udp/dist/index.js')
  const { fileList } = await nodeFileTrace([entry], { base: place.directory })
  t.true(fileList.has(`node_modules/${PACKAGE}/${ADDON}`), [...fileList].join())
  t.true(fileList.has(`node_modules/${PACKAGE}/package.json`), [...fileList].join())
})

test('each platform package is required by its literal name', (t) => {
  const source = readFileSync(join(ROOT, 'lib/native/packages.ts'), 'utf8')
  const { napi } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    napi: { targets: string[] }
  }
  const platforms = napi.targets.map((target) =>
    target.replace(/^(x86_64|aarch64)-unknown-linux-/u, (_, cpu) =>
      cpu === 'x86_64' ? 'linux-x64-' : 'linux-arm64-',
    ),
  )
  t.deepEqual(PLATFORMS.toSorted(), platforms.toSorted())
  for (const platform of platforms) {
    t.true(source.includes(`require('tun2udp-${platform}')`), platform)
    t.true(source.includes(`require('tun2udp-${platform}/package.json')`), platform)
  }
})
