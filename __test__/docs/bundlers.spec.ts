import { readdirSync } from 'node:fs'
import { Machine, SLOW_MS } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'

/** The platform of the addon in `dist`, as `linux-x64-gnu`. */
function builtPlatform(): string {
  const files = readdirSync(`${ROOT}dist`).filter((name) => name.endsWith('.node'))
  return files[0]?.split('.')[1] ?? ''
}

/** Installs as npm does: tun2udp without the addon of the clone, the platform package, and the tools. */
function installation(platform: string): string {
  return `
    mkdir -p node_modules/.bin node_modules/tun2udp/dist node_modules/tun2udp-${platform}
    cp '${ROOT}package.json' node_modules/tun2udp
    cp -r '${ROOT}dist/index.js' '${ROOT}dist/lib' node_modules/tun2udp/dist
    cp '${ROOT}npm/${platform}/package.json' '${ROOT}dist/tun2udp.${platform}.node' node_modules/tun2udp-${platform}
    ln -s '${ROOT}node_modules/ipaddr.js' node_modules
    ln -s '${ROOT}node_modules/esbuild/bin/esbuild' '${ROOT}node_modules/postject/dist/cli.js' node_modules/.bin
    mv node_modules/.bin/cli.js node_modules/.bin/postject`
}

pageTest('docs/bundlers.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  page.shown('sh', 'the first hour installs packages; the next lines do what npm does')
  await a.shell(installation(builtPlatform()))
  await a.write('app.mjs', page.next('js'))
  const printed = '0 TUN and TAP devices\n'
  t.true((await a.shell(page.next('sh'), SLOW_MS)).endsWith(printed), 'left out of the bundle')
  t.true((await a.shell(page.next('sh'), SLOW_MS)).endsWith(printed.repeat(2)), 'bundled')
  t.true((await a.shell(page.next('sh'), SLOW_MS)).endsWith(printed), 'moved, with the addon')
  t.true((await a.shell(page.next('sh'), SLOW_MS)).endsWith(printed), 'a single executable')
  t.is(await a.shell(page.next('sh'), SLOW_MS), printed)
})
