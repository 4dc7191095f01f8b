import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { Machine } from '../../support/docs/machine.ts'
import { type Page, pageTest, runLines } from '../../support/docs/page.ts'
import { FLOWS, addNetwork, switched } from '../../support/docs/switched.ts'
import { hasTools } from '../../support/skip.ts'

const NAMES = ['hub1', 'hub2', 'north', 'south'] as const
type Machines = Record<(typeof NAMES)[number], Machine>

/** The longest wait on a busy machine, and the time limit of programs, milliseconds. */
const SLOW_MS = 120_000
const PROGRAM_MS = 600_000
/** UDP flows, each with a source port of its own: a share of a hub below `FEW` is practically impossible. */
const FLOW_COUNT = 200
const FEW = 20
/** Attempts to measure the shares: on a busy machine, BFD may report a failure during one of them. */
const ATTEMPTS = 5

/** Waits until the output of a command matches. */
async function until(machine: Machine, command: string, pattern: RegExp): Promise<void> {
  const deadline = Date.now() + SLOW_MS
  for (;;) {
    const printed = await machine.shell(`${command} 2>&1 || true`)
    if (pattern.test(printed)) return
    if (Date.now() > deadline) {
      throw new Error(`${machine.host}: ${command} printed no ${String(pattern)}:\n${printed}`)
    }
    await sleep(100)
  }
}

/**
 * Installs a `systemctl` that starts BIRD: no service manager runs in a namespace. The control socket and the
 * pid file are in the directory of the machine.
 */
async function installBird(machine: Machine): Promise<void> {
  const { directory } = machine
  const systemctl = `[ "$*" = "restart bird" ] || exit 1
    [ ! -e '${directory}/bird.pid' ] || kill "$(cat '${directory}/bird.pid')"
    while [ -e '${directory}/bird.pid' ]; do sleep 0.1; done
    exec bird -s '${directory}/bird.ctl' -P '${directory}/bird.pid'`
  await machine.write('/usr/local/bin/systemctl', `#!/bin/sh\n${systemctl}\n`)
  const birdc = `exec /usr/sbin/birdc -s '${directory}/bird.ctl' "$@"`
  await machine.write('/usr/local/bin/birdc', `#!/bin/sh\n${birdc}\n`)
  await machine.shell('chmod +x /usr/local/bin/systemctl /usr/local/bin/birdc')
}

/** Sends the flows from north to south and returns the first packets of each hub, in the order of the hubs. */
async function flowsByHub({ north }: Machines): Promise<number[]> {
  await north.shell(`nft -f - <<'END'
table ip flows
delete table ip flows
table ip flows {
  chain sent {
    type filter hook output priority filter
    oifname "to-hub1" udp dport 7 counter
    oifname "to-hub2" udp dport 7 counter
  }
}
END`)
  const arguments_ = `udp 10.20.1.1 10.20.2.1 7 ${FLOW_COUNT}`
  const printed = await north.shell(`node '${FLOWS}' ${arguments_}`, SLOW_MS)
  if (Number(printed) !== FLOW_COUNT) throw new Error(`flows without an echo: ${printed}`)
  const rules = await north.shell('nft list table ip flows')
  return [...rules.matchAll(/counter packets (\d+)/gu)].map(([, packets]) => Number(packets))
}

/** Measures the smaller share until it is as expected, and returns the last one. */
async function smallerShare(machines: Machines, isExpected: (share: number) => boolean) {
  let share = NaN
  for (let attempt = 0; attempt < ATTEMPTS && !isExpected(share); attempt++) {
    share = Math.min(...(await flowsByHub(machines)))
  }
  return share
}

/** Starts the tunnels, the settings and the routing daemons of the page. */
async function build(
  t: ExecutionContext,
  page: Page,
): Promise<{ machines: Machines; tunnels: string }> {
  const start = async (host: string) => Machine.start(t, host, { programMs: PROGRAM_MS })
  const machines = await switched(start, NAMES)
  const all = Object.values(machines)
  for (const [machine, address] of [
    [machines.north, '10.20.1.1'],
    [machines.south, '10.20.2.1'],
  ] as const) {
    await addNetwork(machine, address)
    await machine.shell('sysctl -q -w net.ipv4.conf.all.rp_filter=1')
  }
  const install = page.next('sh')
  for (const machine of all) await machine.install(install)
  page.shown('sh', 'the package is installed on the machine of the test')
  const tunnels = page.next('sh')
  await runLines(tunnels, machines)
  const settings = page.next('sh')
  const configuration = page.next('txt')
  const restart = page.next('sh')
  for (const machine of all) {
    await machine.shell(settings)
    await installBird(machine)
    await machine.write('/etc/bird/bird.conf', configuration)
    await machine.shell(restart)
  }
  return { machines, tunnels }
}

pageTest('docs/guides/two-hubs.md', async (t, page) => {
  if (!hasTools(t, 'bird', 'birdc', 'nft', 'sysctl')) {
    page.skip()
    return
  }
  t.timeout(PROGRAM_MS)
  const { machines, tunnels } = await build(t, page)
  const { hub1, hub2, north, south } = machines
  const [, neighbors = '', sessions = ''] = /^(.*)\n(.*)\n$/u.exec(page.next('sh')) ?? []
  const [, route = '', ping = ''] = /^(.*)\n(.*)\n$/u.exec(page.next('sh')) ?? []
  const BOTH = /via 10\.9\.1\.0 dev to-hub1 .*\n.*via 10\.9\.2\.0 dev to-hub2 /u

  for (const machine of Object.values(machines)) {
    await until(machine, neighbors, /(?:Full\/PtP.*\n.*){2}/u)
    await until(machine, sessions, /(?:Up .*\n.*){2}/u)
  }
  await until(north, route.replace(/#.*/u, ''), BOTH)
  await until(south, 'ip route show 10.20.1.0/24', /dev to-hub1 .*\n.*dev to-hub2 /u)
  for (const hub of [hub1, hub2]) {
    for (const network of ['10.20.1.0/24', '10.20.2.0/24'])
      await until(hub, `ip route show ${network}`, /via 10\.9\./u)
  }
  t.regex(await runLines(ping, machines), /1 received/u)
  t.regex(await north.shell('birdc show interfaces'), /to-hub1 up .*\n\s+PtP Multicast/u)

  // Both hubs carry flows between the same two addresses, unless the addresses alone select the hub.
  await south.leave(`node '${FLOWS}' echo 10.20.2.1 7`, /^ready/u)
  t.true((await smallerShare(machines, (share) => share >= FEW)) >= FEW)
  await north.shell('sysctl -q -w net.ipv4.fib_multipath_hash_policy=0')
  t.is(await smallerShare(machines, (share) => share === 0), 0)
  await north.shell('sysctl -q -w net.ipv4.fib_multipath_hash_policy=1')

  // The relays of a hub are killed, and started again. Connections stay.
  const streams = await north.leave(`node '${FLOWS}' tcp 10.20.1.1 10.20.2.1 7 16`, /^ready 1$/mu)
  const rounds = () => streams.stdout.split('\n').length
  const continues = async () => {
    const before = rounds()
    const deadline = Date.now() + SLOW_MS
    while (rounds() < before + 3 && Date.now() < deadline) await sleep(50)
    t.true(rounds() >= before + 3, `TCP connections hang: ${streams.stderr}`)
  }
  await hub1.endPrograms('SIGKILL')
  const FAR = 'ip route show 10.20.2.0/24'
  await until(north, FAR, /^10\.20\.2\.0\/24 via 10\.9\.2\.0 dev to-hub2 /u)
  await until(
    south,
    'ip route show 10.20.1.0/24',
    /^10\.20\.1\.0\/24 via 10\.9\.2\.2 dev to-hub2 /u,
  )
  await continues()
  t.is((await flowsByHub(machines))[0], 0)
  await runLines(tunnels.replaceAll(/^.* on (?!hub1).*\n/gmu, ''), machines)
  await until(north, FAR, BOTH)
  await continues()

  // A hub loses its power.
  process.kill(hub2.pid, 'SIGKILL')
  await until(north, FAR, /^10\.20\.2\.0\/24 via 10\.9\.1\.0 dev to-hub1 /u)
  await until(
    south,
    'ip route show 10.20.1.0/24',
    /^10\.20\.1\.0\/24 via 10\.9\.1\.2 dev to-hub1 /u,
  )
  await continues()
  t.is((await flowsByHub(machines))[1], 0)

  // Neighbors with different MTUs do not exchange routes.
  await north.shell('ip link set to-hub1 mtu 1400 && systemctl restart bird')
  await until(north, neighbors, /ExStart/u)
})
