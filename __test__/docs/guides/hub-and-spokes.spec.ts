import { setTimeout as sleep } from 'node:timers/promises'
import { end } from '../../support/docs/machine.ts'
import { pageTest, runLines } from '../../support/docs/page.ts'
import { FLOWS, addNetwork, switched } from '../../support/docs/switched.ts'
import { installOn } from '../../support/docs/walks/walk.ts'

const PROGRAM_MS = 300_000
const CONFIG = '/etc/tun2udp/hub.jsonc'
/** The addresses of each machine. */
const ADDRESSES = {
  hub: ['10.9.0.1'],
  north: ['10.9.0.2', '10.20.1.1'],
  south: ['10.9.0.3', '10.20.2.1'],
  west: ['10.9.0.4'],
}
type Host = keyof typeof ADDRESSES

pageTest('docs/guides/hub-and-spokes.md', async (t, page, start) => {
  t.timeout(PROGRAM_MS)
  const machines = await switched(start, ['hub', 'north', 'south', 'west'])
  const { hub, north, south } = machines
  await addNetwork(north, '10.20.1.1')
  await addNetwork(south, '10.20.2.1')
  const assertAllPairs = async (...hosts: Host[]) => {
    for (const from of hosts) {
      for (const to of hosts.filter((one) => one !== from).flatMap((one) => ADDRESSES[one])) {
        const printed = await machines[from].shell(`ping -c 1 -W 5 ${to}`)
        t.regex(printed, / 1 received/u, `${from} to ${to}`)
        t.notRegex(printed, /Redirect/u, `${from} to ${to}`)
      }
    }
  }

  await installOn(page.next('sh'), ...Object.values(machines))
  await hub.write(CONFIG, page.next('jsonc'))
  await runLines(page.next('sh'), machines)
  const [own = '', ...others] = page.next('sh').split('\n')
  const command = own.replace(/^sudo | *#.*$/gu, '')
  const program = await hub.leave(`${command} --json`, /"event":"ready"/u)
  const printed = await runLines(others.join('\n'), machines)
  t.is(printed.match(/ 1 received/gu)?.length, 2)
  await assertAllPairs('hub', 'north', 'south')
  // TCP and UDP between two sites.
  await south.leave(`node '${FLOWS}' echo 10.20.2.1 7`, /^ready/u)
  t.is(await north.shell(`node '${FLOWS}' udp 10.20.1.1 10.20.2.1 7 20`), '20\n')
  await north.leave(`node '${FLOWS}' tcp 10.20.1.1 10.20.2.1 7 8`, /^ready 3$/mu)

  // A site that uses the address of another gets nothing through.
  const stats = async (name: string) => {
    const count = () => program.stdout.match(/"event":"stats"/gu)?.length ?? 0
    const before = count()
    end(program, 'SIGUSR2')
    while (count() === before) await sleep(10)
    const found = [...program.stdout.matchAll(new RegExp(`"${name}":(\\d+)`, 'gu'))].at(-1)
    return Number(found?.[1])
  }
  t.is(await stats('foreignPrefix'), 0)
  await north.shell('ip addr add 10.20.2.99/32 dev lo')
  t.regex(await north.shell('ping -c 2 -W 1 -I 10.20.2.99 10.9.0.1 || true'), / 0 received/u)
  t.is(await stats('foreignPrefix'), 2)
  t.regex(await north.shell('ping -c 1 -W 5 10.9.0.4 2>&1 || true'), /Host Unreachable/u)

  // The file is read again.
  await hub.write(CONFIG, page.next('jsonc').replace('"west.example:5001"', '"west.example"'))
  const hangUp = page.next('sh')
  const reload = async (expected: RegExp) => {
    await runLines(hangUp, machines)
    await program.until('stdout', expected)
  }
  await reload(/reload-failed.*hub\.jsonc:\d+:\d+: .*endpoint/u)
  await assertAllPairs('north', 'south')
  await hub.shell(`sed -i 's/"west.example"/"west.example:5001"/' ${CONFIG}`)
  await reload(/added west/u)
  t.regex(await runLines(page.next('sh'), machines), / 1 received/u)
  await assertAllPairs('hub', 'north', 'south', 'west')
})
