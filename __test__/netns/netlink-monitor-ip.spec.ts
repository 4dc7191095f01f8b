import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { NetlinkEvent } from '../../dist/index.js'
import { withNetlink } from '../support/netlink.ts'
import { rootTest } from '../support/skip.ts'

const TIMEOUT_MS = 20_000

/**
 * Set before and after the compared changes. Once both sides have reported them, both have reported all
 * changes between.
 */
const MARKS = [60_000, 60_001] as const

/** Converts the output of `ip -o -d monitor`, which has no JSON, to the form of an event. */
const FORMS: readonly [RegExp, (match: readonly string[]) => string][] = [
  [
    /^\d+: ([^@:]+)(?:@\S+)?: <([^>]*)> mtu (\d+)/u,
    ([, name = '', flags = '', mtu = '']) =>
      `link ${name} ${flags.split(',').includes('UP') ? 'up' : 'down'} mtu ${mtu}`,
  ],
  [/^\d+: (\S+) +inet6? (\S+)/u, ([, name, address]) => `address ${address} of ${name}`],
  [
    /^(unicast|local|broadcast|multicast|anycast) (\S+)(?: via (\S+))? dev (\S+) table (\S+) proto (\S+)/u,
    ([, type, to = '', gateway, link, table, protocol]) =>
      `route ${type} ${to.includes('/') ? to : `${to}/${to.includes(':') ? 128 : 32}`} via ${gateway} dev ${link} table ${table} protocol ${protocol}`,
  ],
  [
    /^(\d+):\tfrom (\S+) lookup (\S+)/u,
    ([, priority, from, table]) => `rule ${priority} from ${from} table ${table}`,
  ],
  [
    /^(\S+) dev (\S+) (?:lladdr (\S+) )?(\S+)/u,
    ([, address, link, mac, state = '']) =>
      `neighbor ${address} dev ${link} is ${mac} ${state.toLowerCase()}`,
  ],
]

function ofLine(line: string): string {
  const text = line.replace(/^Deleted /u, '')
  const deleted = text === line ? '' : 'deleted '
  for (const [form, write] of FORMS) {
    const match = form.exec(text)
    if (match) return deleted + write(match)
  }
  throw new Error(`ip monitor says what the test does not know: ${line}`)
}

function ofEvent(event: NetlinkEvent, names: ReadonlyMap<number, string>): string {
  if (event.type === 'overflow') return 'overflow'
  const deleted = event.deleted ? 'deleted ' : ''
  const nameOf = (ifIndex = 0) => names.get(ifIndex)
  switch (event.type) {
    case 'link': {
      const { name, up, mtu } = event.link
      return `${deleted}link ${name} ${up ? 'up' : 'down'} mtu ${mtu}`
    }
    case 'address': {
      const { address, prefixLength, ifIndex } = event.address
      return `${deleted}address ${address}/${prefixLength} of ${nameOf(ifIndex)}`
    }
    case 'route': {
      const { type, destination, gateway, ifIndex, table, protocol } = event.route
      return `${deleted}route ${type} ${destination} via ${gateway} dev ${nameOf(ifIndex)} table ${table} protocol ${protocol}`
    }
    case 'rule': {
      const { priority, from, table } = event.rule
      return `${deleted}rule ${priority} from ${from} table ${table}`
    }
    case 'neighbor': {
      const { address, ifIndex, macAddress, state } = event.neighbor
      return `${deleted}neighbor ${address} dev ${nameOf(ifIndex)} is ${macAddress} ${String(state)}`
    }
  }
}

/** Returns the events between the marks. */
function between(lines: readonly string[]): string[] {
  const [start, end] = MARKS.map((mtu) => lines.indexOf(`link lo up mtu ${mtu}`))
  return lines.slice((start ?? 0) + 1, end)
}

rootTest('a watch tells what ip monitor tells, in the same order', async (t) => {
  const { netlink, namespace } = await withNetlink(t)
  const { run, name: netns } = namespace
  const told: string[] = []
  const args = ['-n', netns, '-o', '-d', 'monitor', 'link', 'address', 'route', 'neigh', 'rule']
  const ip = spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    ip.kill()
    if (ip.exitCode === null && ip.signalCode === null) await once(ip, 'exit')
  })
  let text = ''
  ip.stdout.setEncoding('utf8').on('data', (part: string) => {
    const lines = (text + part).split('\n')
    text = lines.pop() ?? ''
    told.push(...lines.filter((line) => line !== ''))
  })
  // It prints nothing when it begins to listen.
  for (let mtu = 50_000; told.length === 0; mtu++) {
    await run('ip', 'link', 'set', 'lo', 'mtu', String(mtu))
    await delay(50)
  }

  const kinds = ['link', 'address', 'route', 'rule', 'neighbor'] as const
  const monitor = netlink.monitor(kinds, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  const mark = async (mtu: number) => run('ip', 'link', 'set', 'lo', 'mtu', String(mtu))
  await mark(MARKS[0])
  const v0 = ['dev', 'v0'] as const
  const steps = [
    ['link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1'],
    ['link', 'set', 'v0', 'addrgenmode', 'none'],
    ['link', 'set', 'v1', 'addrgenmode', 'none'],
    ['link', 'set', 'v0', 'up'],
    ['link', 'set', 'v0', 'mtu', '1400'],
    ['address', 'add', '10.0.0.1/24', ...v0],
    ['address', 'add', 'fd00::1/64', ...v0, 'nodad'],
    ['route', 'add', '10.1.0.0/16', 'via', '10.0.0.2'],
    ['rule', 'add', 'from', '10.0.0.0/8', 'table', '7'],
    ['neighbour', 'add', '10.0.0.2', 'lladdr', '02:00:00:00:00:02', ...v0],
    ['neighbour', 'delete', '10.0.0.2', ...v0],
    ['route', 'delete', '10.1.0.0/16'],
    ['rule', 'delete', 'from', '10.0.0.0/8', 'table', '7'],
    ['address', 'delete', '10.0.0.1/24', ...v0],
    ['link', 'delete', 'v0'],
  ]
  for (const step of steps) await run('ip', ...step)
  await mark(MARKS[1])

  const names = new Map<number, string>()
  const ours: string[] = []
  for await (const event of monitor) {
    if (event.type === 'link') names.set(event.link.ifIndex, event.link.name)
    ours.push(ofEvent(event, names))
    if (ours.at(-1) === `link lo up mtu ${MARKS[1]}`) break
  }
  while (!told.some((line) => line.includes(`mtu ${MARKS[1]} `))) await delay(20)
  const expected = between(told.map(ofLine))
  for (const kind of kinds)
    t.true(
      expected.some((line) => line.startsWith(`deleted ${kind}`)),
      kind,
    )
  t.deepEqual(between(ours), expected)
})
