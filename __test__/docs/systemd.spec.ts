import { readFileSync } from 'node:fs'
import test from 'ava'
import { Machine, end } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import type { Running } from '../support/program.ts'
import { hasTools, isOpenToOthers, rootTest } from '../support/skip.ts'

const UNIT = readFileSync(`${ROOT}contrib/tun2udp@.service`, 'utf8')

const CONFIG_UNIT = readFileSync(`${ROOT}contrib/tun2udp-config@.service`, 'utf8')

/** Returns a setting of the unit; the last one counts. */
const setting = (name: string) =>
  [...UNIT.matchAll(new RegExp(`^${name}=(.*)$`, 'gmu'))].at(-1)?.[1] ?? ''

pageTest('docs/systemd.md', async (t, page) => {
  if (!hasTools(t, 'systemd-analyze')) {
    page.skip()
    return
  }
  const a = await Machine.start(t, 'a')
  await installGlobally(a)
  const verified = async (block: string) => {
    const ended = await a.start(['bash', '-euo', 'pipefail', '-c', block]).ended
    t.is(ended.status, 0, ended.stderr)
    // Other units of the system may have warnings; this unit has no warnings.
    t.notRegex(ended.stderr, /tun2udp(?:-config)?@/u)
  }
  const block = page.next('sh')
  await verified(block)
  t.regex(await a.shell('cat /etc/tun2udp/vpn0.conf'), /^ARGUMENTS=10\.9\.0\.1\/24 /u)
  page.shown('sh', 'no service manager runs in a namespace; the next test does what it would do')
  page.shown('sh', 'no service manager runs in a namespace')
  page.shown('sh', 'no service manager runs in a namespace; a test below compares the status')
  await verified(page.next('sh'))
  const [, command = ''] = /^ExecStart=(.*)$/mu.exec(CONFIG_UNIT) ?? []
  t.regex(command, / --wait-for-dns$/u)
  const started = await a.leave(command.replaceAll('%i', 'hub0'), /^ready: hub0 /mu)
  page.shown('sh', 'no service manager runs in a namespace; ExecReload of the unit does this:')
  t.regex(CONFIG_UNIT, /^ExecReload=kill -HUP \$MAINPID$/mu)
  end(started, 'SIGHUP')
  await started.until('stderr', /again: no change$/mu)
  await a.endPrograms()
  const copied = page.shown(
    'sh',
    'npm would ask a registry; the test of the packages installs globally',
  )
  t.regex(copied, /npm\)" install --global --prefix \/usr\/local tun2udp/u)

  const dropIn = page.next('sh').replaceAll('/opt/node', '/usr/local/opt/node')
  const root = '/usr/local/opt/node'
  await a.shell(`mkdir -p ${root}/bin ${root}/lib/node_modules
    ln -s /usr/local/bin/node ${root}/bin/node
    ln -s '${ROOT}' ${root}/lib/node_modules/tun2udp
    rm /usr/local/bin/tun2udp`)
  await verified(`${dropIn}\nsystemd-analyze verify --man=no tun2udp@vpn0.service`)
})

/** Installs the package in the place of a global npm installation, and the command that prints the folder. */
async function installGlobally(machine: Machine): Promise<void> {
  await machine.write(
    '/usr/local/bin/npm',
    '#!/bin/sh\n[ "$*" = "root --global" ] && echo /usr/local/lib/node_modules\n',
  )
  await machine.shell(`chmod +x /usr/local/bin/npm && mkdir -p /usr/local/lib/node_modules
    ln -sfn '${ROOT}' /usr/local/lib/node_modules/tun2udp`)
}

/** Starts the program with these arguments, as the unit does. */
function startAsUnit(machine: Machine, args: string): Running {
  const command = `exec env NOTIFY_SOCKET=/run/no-manager ${setting('ExecStart').replaceAll('%i', 'vpn0')}`
  return machine.start(['bash', '-c', command.replace('$ARGUMENTS', args)])
}

/** Returns the exit status of the program with these arguments, as the unit starts it. */
async function statusOf(machine: Machine, args: string): Promise<number | null> {
  return (await startAsUnit(machine, args).ended).status
}

rootTest(
  'the unit is started again after failures, however many, and not for wrong arguments',
  async (t) => {
    const a = await Machine.start(t, 'a')
    const section = (name: string) => UNIT.split(`[${name}]`)[1]?.split('\n[')[0] ?? ''
    t.regex(section('Unit'), /^StartLimitIntervalSec=0$/mu)
    t.is(setting('Restart'), 'on-failure')
    const final = setting('RestartPreventExitStatus').split(' ').map(Number)
    for (const args of [
      '',
      '10.9.0.1/24 5001',
      '10.9.0.1/33 5001 5001',
      '10.9.0.1/24 0 5001',
      '10.9.0.1/24 5001 5001 --no-such-option',
      '10.9.0.1/24 5001 5001 --mtu 1',
      '10.9.0.1/24 5001 5001 --mtu 65508',
      '10.9.0.1/24 5001 5001 --address 10.9.0.1/24',
    ]) {
      t.true(final.includes((await statusOf(a, args)) ?? 0), args)
    }
    for (const args of [
      '10.9.0.1/24 5001 5001 --listen 192.0.2.77 --peer 192.0.2.78',
      '10.9.0.1/24 5001 5001 --user no-such-user',
    ]) {
      const status = await statusOf(a, args)
      t.is(status, 1, args)
      t.false(final.includes(1))
    }
  },
)

rootTest('the unit waits for DNS, with the status that the page shows', async (t) => {
  const a = await Machine.start(t, 'a')
  // Nothing listens on this port, as at boot.
  await a.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
  const program = startAsUnit(a, '10.9.0.1/24 5001 5001 --peer b.example')
  const [, status = ''] = await program.until('stderr', /^tun2udp: (waiting for DNS: .*)\n/mu)
  t.true(readFileSync(`${ROOT}docs/systemd.md`, 'utf8').includes(`# Status: "${status}"`), status)
  // The program ends with its machine.
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

test('the unit with a configuration file differs from the other by its commands only', (t) => {
  const others = (unit: string) =>
    unit
      .split('\n')
      .filter((line) => !/^(?:#|Description=|Documentation=|EnvironmentFile=|Exec)/u.test(line))
  t.deepEqual(others(CONFIG_UNIT), others(UNIT))
})

test('the unit has a device, and no other', (t) => {
  t.is(setting('DevicePolicy'), 'closed')
  t.is(setting('DeviceAllow'), '/dev/net/tun rw')
})
