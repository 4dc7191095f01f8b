/**
 * The time from exec to the ready line, and the resident memory of a relay, by part: `npm run bench:start [-- ROUNDS]`.
 *
 * ../README.md has the meaning of its figures. It needs root, and iperf3.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { execa } from 'execa'
import { Lane } from '../lane/lane.ts'
import { missingPrivilege } from '../lane/namespace.ts'
import { buildTools } from '../native/tools.ts'
import { ours } from '../peers/ours.ts'
import { transfer } from '../scenarios/tcp.ts'
import { median } from '../statistics.ts'
import { type Memory, PARTS, memoryOf } from './memory.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const INDEX = pathToFileURL(`${ROOT}dist/index.js`).href
const ADDON = `${ROOT}dist/${readdirSync(`${ROOT}dist`).find((name) => name.endsWith('.node')) ?? ''}`
const OPTIONS = "{ addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 0 }"
const SECONDS = 2
const IDLE_MS = 4000

/** A process that prints a line when it is ready, and then waits. */
interface Entry {
  readonly title: string
  readonly command: readonly string[]
}

/** The time and memory of an entry in one round. */
interface Start {
  readonly milliseconds: number
  readonly memory: Memory
}

const run = (script: string): readonly string[] => [
  process.execPath,
  '--input-type=module',
  '-e',
  `${script}; console.log('ready'); setInterval(() => undefined, 1e9)`,
]

/** The parts of a start, and then the start itself. Plain Node is the first. */
const ENTRIES: readonly Entry[] = [
  { title: 'plain Node', command: run('') },
  { title: 'the addon loaded', command: run(`process.dlopen({ exports: {} }, '${ADDON}')`) },
  { title: 'the library imported', command: run(`await import('${INDEX}')`) },
  {
    title: 'a relay of the library',
    command: run(
      `const { startRelay } = await import('${INDEX}'); globalThis.relay = await startRelay(${OPTIONS})`,
    ),
  },
  {
    title: 'the program',
    command: [process.execPath, `${ROOT}dist/bin/tun2udp.js`, '10.9.0.1/24', '5001', '0'],
  },
]

/** Starts a process, waits for its first line, and ends it. */
async function start({ title, command: [file = '', ...args] }: Entry): Promise<Start> {
  const began = performance.now()
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  const closed = once(child, 'close')
  try {
    const first = await Promise.race([once(child.stdout, 'data'), closed.then(() => undefined)])
    const milliseconds = performance.now() - began
    if (first === undefined || child.pid === undefined) throw new Error(`${title} did not start`)
    return { milliseconds, memory: memoryOf(child.pid) }
  } finally {
    child.kill()
    await closed
  }
}

/** Returns the memory of a relay when it is ready, after a transfer of TCP, and after a time without packets. */
async function underTraffic(): Promise<[ready: Memory, busy: Memory, idle: Memory]> {
  await using lane = await Lane.open(1500)
  const tools = await buildTools()
  const { signal } = new AbortController()
  const relay = ours({ id: 'tun2udp', tree: ROOT, options: [] })
  const relays = await relay.prepare({ tools, signal })
  await relays.open(lane)
  const memory = () => memoryOf(lane.forwarders[1]?.pid ?? 0)
  const ready = memory()
  const congestion = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim()
  await transfer(lane, { tools, seconds: SECONDS, congestion, signal }, { options: ['-P', '4'] })
  const busy = memory()
  await sleep(IDLE_MS)
  return [ready, busy, memory()]
}

/** Prints a table in Markdown. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  console.log([line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n'))
}

const middle = (values: readonly number[]) => median(values) ?? 0
const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)

const privilege = missingPrivilege()
if (privilege !== undefined) throw new Error(privilege)
const rounds = Number(process.argv[2] ?? 15)
await execa('ip', ['link', 'set', 'lo', 'up'])
for (const entry of ENTRIES) await start(entry)
const starts: Start[][] = ENTRIES.map(() => [])
for (let round = 0; round < rounds; round++) {
  for (const [index, entry] of ENTRIES.entries()) starts[index]?.push(await start(entry))
}
console.log(`Node ${process.version}, medians of ${rounds} rounds\n`)
const totals = starts.map((all) => middle(all.map(({ memory }) => memory.total)))
const times = starts.map((all) => middle(all.map(({ milliseconds }) => milliseconds)))
table(
  ['from exec to the first line', 'ms', 'above plain Node', 'resident, MB', 'above plain Node'],
  ENTRIES.map(({ title }, index) => {
    const [time = 0, total = 0] = [times[index], totals[index]]
    const above = [time - (times[0] ?? 0), total - (totals[0] ?? 0)] as const
    return [title, time.toFixed(0), above[0].toFixed(0), megabytes(total), megabytes(above[1])]
  }),
)
const plain = starts[0]?.at(-1)?.memory
const columns = [...(plain === undefined ? [] : [plain]), ...(await underTraffic())]
table(
  ['resident, MB', 'plain Node', 'a relay, ready', `after ${SECONDS} s of TCP`, 'idle again'],
  [
    ...PARTS.map((part) => [part, ...columns.map(({ parts }) => megabytes(parts[part]))]),
    ['total', ...columns.map(({ total }) => megabytes(total))],
    ['threads', ...columns.map(({ threads }) => String(threads))],
  ],
)
