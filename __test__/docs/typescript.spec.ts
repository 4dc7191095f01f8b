import { Machine, SLOW_MS } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'

pageTest('docs/typescript.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  page.shown('sh', '__test__/types/consumer.spec.ts compiles with the versions of the page')
  await a.write('package.json', '{ "type": "module" }')
  await a.write('tsconfig.json', page.next('json'))
  await a.write('relay.ts', page.next('ts'))
  await a.shell(`mkdir -p node_modules/.bin
    for name in tun2udp/dist/lib @types; do mkdir -p "$(dirname node_modules/$name)"; done
    cp '${ROOT}package.json' node_modules/tun2udp
    cp -r '${ROOT}dist/'* node_modules/tun2udp/dist
    for name in ipaddr.js @types undici-types; do ln -s '${ROOT}'node_modules/$name node_modules/$name; done
    ln -s '${ROOT}node_modules/typescript/bin/tsc' node_modules/.bin`)
  const [compile = '', run = ''] = page.next('sh').trim().split('\n')
  await a.shell(compile, SLOW_MS)
  await a.leave(run, /^ready: tun0$/mu)
})
