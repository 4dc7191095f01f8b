import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { TunError, TunErrorDetails } from '../../dist/index.js'
import { withNamespace } from '../support/namespace.ts'
import { withNetlink } from '../support/netlink.ts'
import { cleanEnvironment } from '../support/program.ts'
import { hasTools, rootTest } from '../support/skip.ts'

const execute = promisify(execFile)
const INDEX = new URL('../../dist/index.js', import.meta.url).href

rootTest('without the capability looking works, and changing says what it takes', async (t) => {
  if (!hasTools(t, 'setpriv')) return
  const { name } = await withNamespace(t)
  const script = `
    import { openNetlink } from '${INDEX}'
    const netlink = await openNetlink()
    const { up } = await netlink.links.get('lo')
    const failure = async (promise) => {
      try { await promise } catch (error) { return { ...error, message: error.message } }
    }
    const failures = [
      await failure(netlink.links.set('lo', { up: false })),
      await failure(netlink.addresses.add('lo', '10.0.0.1/24')),
      await failure(netlink.routes.add({ destination: '10.1.0.0/16', link: 'lo' })),
      await failure(netlink.rules.add({ table: 7 })),
      await failure(netlink.neighbors.add('lo', '10.0.0.2', { macAddress: '02:00:00:00:00:01' })),
    ]
    console.log(JSON.stringify({ up, failures }))
  `
  // The user is still root: only the capability matters.
  const dropped = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin']
  const node = [process.execPath, '--input-type=module', '-e', script]
  const args = ['netns', 'exec', name, ...dropped, ...node]
  const { stdout } = await execute('ip', args, { env: cleanEnvironment(), timeout: 20_000 })
  const { up, failures } = JSON.parse(stdout) as {
    up: boolean
    failures: (TunErrorDetails & { message: string })[]
  }
  t.true(up)
  t.is(failures.length, 5)
  for (const { code, errno, message } of failures) {
    t.is(code, 'ERR_TUN_PERMISSION')
    t.is(errno, 1)
    t.regex(message, /Operation not permitted; it needs CAP_NET_ADMIN/u)
  }
  t.regex(failures[1]?.message ?? '', /^add the address 10\.0\.0\.1\/24 of lo: /u)
})

rootTest('the attribute that the kernel points at is named', async (t) => {
  const { netlink } = await withNetlink(t)
  const vxlan = { kind: 'vxlan', name: 'x0', kindData: { id: 1, port: 4789 } } as const
  const cases = [
    [{ mtu: 70_000 }, 'IFLA_MTU', /MTU must be between 68 and 65535, IFLA_MTU\)$/u],
    [{ macAddress: '02:00:00:00:01' }, 'IFLA_ADDRESS', /not Ethernet, IFLA_ADDRESS\)$/u],
  ] as const
  for (const [wrong, attribute, message] of cases) {
    const error = await t.throwsAsync<TunError>(netlink.links.add({ ...vxlan, ...wrong }))
    t.is(error.attribute, attribute)
    t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
    t.regex(error.message, message)
    t.is(await netlink.links.find('x0'), undefined)
  }
})
