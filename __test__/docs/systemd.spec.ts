import { readFileSync } from 'node:fs'
import test from 'ava'
import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import { hasTools, isOpenToOthers, rootTest } from '../support/skip.ts'

const UNIT = readFileSync(`${ROOT}contrib/tun2udp@.service`, 'utf8')

/** What the unit sets; the last one counts. */
const setting = (name: string) =>
  [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gmu'))].at(-1)?.[1] ?? ''

pageTest('docs/systemd.md', async (t, page) => {
  if (!hasTools(t, 'systemd-analyze')) {
    page.skip()
    return
  }
  const a = await Machine.start(t, 'a')
  a.directory = ROOT
  const block = page.next('sh')
  const ended = await a.start(['bash', '-euo', 'pipefail', '-c', block]).ended
  t.is(ended.status, 0, ended.stderr)
  // Units of the system beside it may have warnings of their own; this one has none.
  t.false(ended.stderr.includes('tun2udp@'), ended.stderr)
  t.regex(await a.shell('cat /etc/tun2udp/vpn0.conf'), /^ARGUMENTS=10\.9\.0\.1\/24 /u)
  page.shown('sh', 'no service manager runs in a namespace; the next test does what it would do')
  page.shown('sh', 'no service manager runs in a namespace')
})

rootTest('the unit leaves little exposed', async (t) => {
  if (!hasTools(t, 'systemd-analyze')) return
  const a = await Machine.start(t, 'a')
  const command = `systemd-analyze security --offline=yes --threshold=25 --no-pager ${ROOT}contrib/tun2udp@.service`
  const { status, stdout, stderr } = await a.start(['bash', '-c', command]).ended
  t.is(status, 0, stdout + stderr)
})

rootTest('with what the unit gives, the program says that it is ready', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'socat', 'setpriv')) return
  const a = await Machine.start(t, 'a')
  const capabilities = setting('AmbientCapabilities').toLowerCase().split(' ')
  t.deepEqual(capabilities, ['cap_net_admin'])
  t.is(setting('CapabilityBoundingSet'), setting('AmbientCapabilities'))
  t.is(setting('Type'), 'notify')
  const heard = a.start(['socat', '-u', 'UNIX-RECV:/run/netns/notify,mode=666', 'STDOUT'])
  t.teardown(() => heard.child.kill('SIGKILL'))
  await a.shell('until [ -S /run/netns/notify ]; do sleep 0.01; done; chmod 755 /run/netns')

  const command = setting('ExecStart')
    .replaceAll('%i', 'vpn0')
    .replace('$ARGUMENTS', '10.9.0.1/24 5001 5001')
  const names = capabilities.map((name) => `+${name.replace('cap_', '')}`).join(',')
  const privileges = `--reuid 65532 --regid 65532 --clear-groups --no-new-privs
    --inh-caps=${names} --ambient-caps=${names} --bounding-set=-all,${names}`
  await a.leave(
    `env NOTIFY_SOCKET=/run/netns/notify setpriv ${privileges.replaceAll(/\s+/gu, ' ')} ${command}`,
    /^ready: vpn0 10\.9\.0\.1\/24/mu,
  )
  await heard.until('stdout', /READY=1/u)
  await a.endPrograms()
  await heard.until('stdout', /READY=1\n?STOPPING=1/u)
})

test('the unit has a device, and no other', (t) => {
  t.is(setting('DevicePolicy'), 'closed')
  t.is(setting('DeviceAllow'), '/dev/net/tun rw')
})
