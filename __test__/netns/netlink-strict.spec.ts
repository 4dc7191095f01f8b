import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withNamespace } from '../support/namespace.ts'
import { cleanEnvironment } from '../support/program.ts'
import { hasTools, rootTest } from '../support/skip.ts'

const execute = promisify(execFile)
const INDEX = new URL('../../dist/index.js', import.meta.url).href
const WRAPPER = fileURLToPath(new URL('../support/without-strict-check.py', import.meta.url))

rootTest('a kernel that ignores filters of tables does not make flush delete more', async (t) => {
  if (!hasTools(t, 'python3')) return
  const { name, run } = await withNamespace(t)
  for (const command of [
    'link add v0 type veth peer name v1',
    // Otherwise the kernel adds addresses a moment later.
    'link set v0 addrgenmode none up',
    'link set v1 addrgenmode none up',
    'address add 10.0.0.1/24 dev v0',
    'address add 10.0.0.2/24 dev v0',
    'address add 10.1.0.1/24 dev v1',
    '-6 address add fd00::1/64 dev v0 nodad',
    'route add 10.2.0.0/16 via 10.0.0.9',
    'route add 10.2.0.0/16 via 10.0.0.9 table 99',
  ]) {
    await run('ip', ...command.split(' '))
  }
  const others = async () =>
    (await run('ip', '-o', 'address')).split('\n').filter((line) => !line.includes('v0'))
  const before = await others()
  const script = `
    import { openNetlink } from '${INDEX}'
    const netlink = await openNetlink({ netns: '${name}' })
    const result = {}
    const { ifIndex } = await netlink.links.get('v0')
    // If the filter were not applied, ensure would find the address on the other link.
    result.ensured = (await netlink.ensure({ link: 'v0', addresses: ['10.1.0.1/24'] })).changes.length
    result.listed = (await netlink.addresses.list({ link: 'v0' })).every((one) => one.ifIndex === ifIndex)
    result.tables = [...new Set((await netlink.routes.list({ table: 99 })).map((one) => one.table))]
    result.flushed4 = (await netlink.addresses.flush('v0', { family: 4 })).map((one) => one.address)
    result.left6 = (await netlink.addresses.list({ link: 'v0' })).every((one) => one.family === 6)
    await netlink.addresses.flush('v0')
    result.left = (await netlink.addresses.list({ link: 'v0' })).length
    console.log(JSON.stringify(result))
  `
  const node = [process.execPath, '--input-type=module', '-e', script]
  const options = { env: cleanEnvironment(), timeout: 30_000 }
  const { stdout } = await execute('python3', [WRAPPER, ...node], options)
  t.deepEqual(JSON.parse(stdout), {
    ensured: 1,
    listed: true,
    tables: [99],
    flushed4: ['10.0.0.1', '10.1.0.1', '10.0.0.2'],
    left6: true,
    left: 0,
  })
  t.deepEqual(await others(), before)
})
