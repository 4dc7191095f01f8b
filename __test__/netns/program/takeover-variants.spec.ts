import { once } from 'node:events'
import { chownSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ExecutionContext } from 'ava'
import type { RelayOptions } from '../../../index.ts'
import { readPcapng } from '../../support/capture/pcapng.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { eventually } from '../../support/gone.ts'
import { runProgram, startProgram } from '../../support/program.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { NAME, READY, TakeoverTunnel } from '../../support/takeover.ts'
import { untilTrue } from '../../support/wait.ts'

interface Variant {
  /** Further options of the far end. */
  readonly far?: Partial<RelayOptions>
  /** Prepares, and returns further arguments. */
  readonly prepare?: (tunnel: TakeoverTunnel, t: ExecutionContext) => Promise<string[]> | string[]
  /** Whether the interface is there before and afterwards. */
  readonly isPersistent?: boolean
}

/** Writes a configuration file with several peers, of which the far end is one. */
function severalPeers({ args }: TakeoverTunnel, t: ExecutionContext): string[] {
  const file = join(temporaryFolder(t), 'tunnel.json')
  const [, far, near] = args
  const options = {
    addresses: ['10.9.0.1/24'],
    listen: { address: '127.0.0.1', port: Number(near) },
    peers: [
      {
        name: 'far',
        endpoint: { address: '127.0.0.1', port: Number(far) },
        allowedPrefixes: ['10.9.0.2/32', '10.88.0.0/16'],
      },
      {
        name: 'none',
        endpoint: { address: '127.0.0.1', port: 9 },
        allowedPrefixes: ['10.9.0.3/32'],
      },
    ],
  }
  writeFileSync(file, JSON.stringify(options))
  return ['--config', file]
}

const VARIANTS: Readonly<Record<string, Variant>> = {
  '--user': {
    prepare: ({ control }) => {
      // The process creates the socket again after it has become this user.
      chownSync(dirname(control), 65_534, 65_534)
      return ['--user', '65534:65534']
    },
  },
  '--mode tap': { far: { mode: 'tap' }, prepare: () => ['--mode', 'tap'] },
  '--source-ports 4': { prepare: () => ['--source-ports', '4'] },
  '--queues 3': { prepare: () => ['--queues', '3'] },
  'several peers in a file': { prepare: severalPeers },
  'a persistent interface': {
    isPersistent: true,
    prepare: async ({ near }) => {
      await near.run('ip', ['tuntap', 'add', 'dev', NAME, 'mode', 'tun'])
      return ['--mtu', '1350']
    },
  },
}

for (const [title, { far, prepare, isPersistent = false }] of Object.entries(VARIANTS)) {
  test(`a relay is taken over: ${title}`, async (t) => {
    if (!hasTools(t, 'ping')) return
    t.timeout(120_000)
    const tunnel = await TakeoverTunnel.open(t, far)
    const more = (await prepare?.(tunnel, t)) ?? []
    const created = await tunnel.describe()
    // The operands would replace the peers of a file.
    const args = more.includes('--config') ? tunnel.args.slice(3) : tunnel.args
    const start = (...further: string[]) => tunnel.startWith(t, [...args, ...more, ...further])
    let current = start()
    await current.until('stdout', READY)
    await untilTrue('packets flow', async () => tunnel.isWorking())
    const [before, identity] = [await tunnel.describe(), await tunnel.identity()]
    for (let round = 0; round < 2; round++) {
      const next = start('--takeover')
      await next.until('stdout', READY)
      t.is((await current.ended).status, 0, current.stderr)
      t.is(await tunnel.describe(), before)
      t.is(await tunnel.identity(), identity)
      await untilTrue('packets flow', async () => tunnel.isWorking())
      current = next
      const shown = await runProgram(['show', tunnel.control, '--json'])
      t.regex(shown.stdout, /"txDropped":/u, shown.stderr)
    }
    t.is((await current.end()).status, 0, current.stderr)
    const state = (described: string) => (isPersistent ? settings(described) : described)
    const now = async () => state(await tunnel.describe())
    await eventually(t, now, isPersistent ? state(created) : '', 'the interface is as before')
  })
}

/** Returns the MTU and the addresses of what `ip` prints. */
function settings(text: string): string {
  return JSON.stringify(text.match(/mtu \d+|inet6? \S+/gu))
}

/** Returns the numbers in a JSON value, by their paths. */
function numbersIn(value: unknown, path = ''): [path: string, value: number][] {
  if (typeof value === 'number') return [[path, value]]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => numbersIn(one, `${path}.${key}`))
}

interface Shown {
  readonly pid: number
  readonly stats: { readonly outbound: object; readonly inbound: object }
}

test('counters never go down over take-overs, for a scraper and show --watch', async (t) => {
  if (!hasTools(t, 'ping')) return
  t.timeout(180_000)
  const tunnel = await TakeoverTunnel.open(t)
  const metrics = join(temporaryFolder(t), 'metrics')
  const more = ['--metrics', `unix:${metrics}`]
  let current = tunnel.start(t, ...more)
  await current.until('stdout', READY)
  const watch = startProgram(['show', tunnel.control, '--watch', '--json'], { timeoutMs: 600_000 })
  const scraped: Map<string, number>[] = []
  for (let round = 0; round < 3; round++) {
    await untilTrue('packets flow', async () => tunnel.isWorking())
    scraped.push(await scrape(metrics))
    await untilTrue('it is watched', () => pidsIn(watch.stdout).includes(current.child.pid ?? 0))
    const next = tunnel.start(t, ...more, '--takeover')
    await next.until('stdout', READY)
    await current.ended
    current = next
    scraped.push(await scrape(metrics))
  }
  await watch.end()
  const shown = watch.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Shown)
  t.is(new Set(shown.map(({ pid }) => pid)).size, 3)
  const series = shown.map(({ stats: { outbound, inbound } }) => {
    return new Map(numbersIn({ outbound, inbound }))
  })
  for (const samples of [series, scraped]) {
    for (const [index, sample] of samples.entries()) {
      const before = samples[index - 1] ?? new Map<string, number>()
      const fallen = [...before].filter(([name, value]) => (sample.get(name) ?? -1) < value)
      t.deepEqual(fallen, [])
    }
    t.true([...(samples.at(-1)?.values() ?? [])].some((value) => value > 0))
  }
})

function pidsIn(lines: string): number[] {
  return [...lines.matchAll(/"pid":(\d+)/gu)].map(([, pid]) => Number(pid))
}

/** Returns the counters of a metrics socket. */
async function scrape(socketPath: string): Promise<Map<string, number>> {
  const sent = request({ socketPath, path: '/metrics' }).end()
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  const lines = (await text(response)).matchAll(/^(\w+_total(?:\{[^}]*\})?) (\d+)$/gmu)
  return new Map([...lines].map(([, name = '', value]) => [name, Number(value)]))
}

test('a capture ends with its statistics at a take-over, and its client reports it', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await TakeoverTunnel.open(t)
  const first = tunnel.start(t)
  await first.until('stdout', READY)
  const file = join(temporaryFolder(t), 'a.pcapng')
  const client = startProgram(['capture', tunnel.control, file], { timeoutMs: 600_000 })
  await untilTrue('it captures', () => (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0)
  t.true(await tunnel.isWorking())
  const second = tunnel.start(t, '--takeover')
  await second.until('stdout', READY)
  const { status, stderr } = await client.ended
  t.is(status, 0, stderr)
  const { packets, statistics, torn } = readPcapng(readFileSync(file))
  t.is(torn, 0)
  t.true(packets.length >= 4, 'a request and a reply, inside and outside')
  const received = statistics.reduce((sum, [count = 0]) => sum + count, 0)
  t.is(received, packets.length)
  t.regex(stderr, new RegExp(`packets: ${packets.length} captured, 0 left out`, 'u'))
  t.is((await runProgram(['show', tunnel.control])).status, 0)
})
