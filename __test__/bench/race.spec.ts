import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kill } from 'node:process'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { ExecutionContext } from 'ava'
import { readResults } from '../../bench/report/render.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../support/skip.ts'

const BENCH = fileURLToPath(new URL('../../bench/bench.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MARK = 'TUN2UDP_BENCH_TEST'
const TIMEOUT_MS = 20_000

/** A bench whose processes can be distinguished from all others on the machine. */
interface Bench {
  out: string
  process: ReturnType<typeof spawnBench>
  /** Returns the command lines of its existing child processes. */
  children: () => string[]
}

function start(t: ExecutionContext, ...args: string[]): Bench {
  const out = mkdtempSync(join(tmpdir(), 'tun2udp-bench-'))
  t.teardown(() => {
    rmSync(out, { recursive: true })
  })
  const process = spawnBench(out, args)
  t.teardown(() => process.kill('SIGKILL'))
  return { out, process, children: () => marked(out, process.pid) }
}

function spawnBench(out: string, args: readonly string[]) {
  const command = ['--import', '@oxc-node/core/register', BENCH, '--out', out, ...args]
  return execa(process.execPath, command, {
    // A process group of its own.
    detached: true,
    reject: false,
    cwd: ROOT,
    env: { [MARK]: out },
  })
}

/** Returns the command lines of the processes with the mark in their environments. */
function marked(mark: string, own: number | undefined): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/u.test(pid) || Number(pid) === own) return []
    try {
      const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8')
      const isMarked = read('environ').includes(`${MARK}=${mark}`)
      return isMarked ? [read('cmdline').replaceAll('\0', ' ')] : []
    } catch {
      // It ended during this time.
      return []
    }
  })
}

const hasTraffic = ({ children }: Bench) => children().some((line) => line.includes('iperf3 -c'))

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`in ${TIMEOUT_MS} ms there was no ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const SHORT = ['--rounds', '1', '--seconds', '1']

test('a race of two peers gives figures for both and leaves no process', async (t) => {
  if (!hasTools(t, 'iperf3', 'cc', 'nsenter', 'setpriv', 'taskset')) return
  const withoutBytes = ['rtt', 'sparse', 'sparse-cpu0', 'idle']
  const pairs = [
    ...withoutBytes,
    'tcp1',
    'flows1',
    'flows1024',
    'udp64',
    'mixed-ping',
    'mixed-request',
  ]
  const stars = ['hub8-out', 'hub8-in']
  const scenarios = [...pairs, ...stars].join(',')
  const { out, process, children } = start(
    t,
    ...['--peers', 'plain,tun2udp', '--scenarios', scenarios, ...SHORT],
  )
  const { exitCode, stdout, stderr } = await process
  t.is(exitCode, 0, stderr)
  t.deepEqual(children(), [])
  const { samples, peers, machine } = readResults(out)
  t.deepEqual(
    peers.map(({ id, missing }) => [id, missing]),
    [
      ['tun2udp', undefined],
      ['plain', undefined],
    ],
  )
  t.true(machine.cores > 0)
  t.is(samples.length, 2 * pairs.length + stars.length, 'the plain loop has no hub')
  for (const sample of samples) {
    t.is(sample.error, undefined)
    t.true((sample.rssBytes ?? 0) > 0)
    t.true((sample.bytes ?? 0) > 0 || withoutBytes.includes(sample.scenario), sample.scenario)
    for (const [key, value] of Object.entries(sample.values ?? {}))
      t.true(
        value >= 0 && (value > 0 || ['lost', 'cpu'].includes(key)),
        `${sample.scenario} ${key}`,
      )
  }
  t.deepEqual(readdirSync(out).sort(), [
    ...['cpu.svg', 'latency.svg', 'latest.json', 'latest.md', 'rtt.svg', 'tcp.svg', 'udp.svg'],
  ])
  t.regex(stdout, /plain C loop/u)
})

test('a race over a router gives figures for VXLAN, the relay and the plain loop', async (t) => {
  if (!hasTools(t, 'iperf3', 'cc', 'nsenter', 'setpriv')) return
  const { out, process, children } = start(t, '--path', 'routed', ...SHORT)
  const { exitCode, stdout, stderr } = await process
  t.is(exitCode, 0, stderr)
  t.deepEqual(children(), [])
  const { samples, path } = readResults(out)
  t.is(path, 'routed')
  const runs = samples.map(({ scenario, peer, error, bytes = 0 }) => [
    scenario,
    peer,
    error,
    bytes > 0,
  ])
  const expected = ['tcp1', 'tcp4', 'udp1400'].flatMap((scenario) =>
    ['vxlan', 'tun2udp', 'plain'].map((peer) => [scenario, peer, undefined, true]),
  )
  t.deepEqual(runs, expected)
  t.regex(stdout, /TCP, 1 stream, MTU 1500, routed path/u)
})

for (const [signal, status, goesTo] of [
  ['SIGINT', 130, 'the bench'],
  ['SIGTERM', 143, 'the bench'],
  // The terminal sends it like this at Ctrl-C.
  ['SIGINT', 130, 'its process group'],
] as const) {
  test(`${signal} to ${goesTo} ends a race with all that it started and writes nothing`, async (t) => {
    if (!hasTools(t, 'iperf3', 'cc', 'nsenter', 'setpriv')) return
    const bench = start(t, ...['--peers', 'plain,vxlan', '--scenarios', 'tcp1', '--seconds', '60'])
    const { out, process, children } = bench
    await until(() => hasTraffic(bench), 'traffic')
    const pid = process.pid ?? 0
    kill(goesTo === 'the bench' ? pid : -pid, signal)
    const { exitCode, stderr } = await process
    t.is(exitCode, status)
    t.regex(stderr, /bench: interrupted/u)
    t.deepEqual(children(), [])
    t.deepEqual(readdirSync(out), [])
  })
}

test('what a killed race started ends by itself', async (t) => {
  if (!hasTools(t, 'iperf3', 'cc', 'nsenter', 'setpriv')) return
  const bench = start(t, ...['--peers', 'plain', '--scenarios', 'tcp1', '--seconds', '60'])
  const { process, children } = bench
  await until(() => hasTraffic(bench), 'traffic')
  process.kill('SIGKILL')
  await process
  await until(() => children().length === 0, 'end of its processes')
  t.pass()
})

test('a peer that does not work is named with its reason', async (t) => {
  if (!hasTools(t, 'iperf3', 'cc', 'nsenter', 'setpriv')) return
  const wrong = `wrong=${ROOT},--netns=/nowhere`
  const { out, process } = start(
    t,
    ...['--peers', 'plain', '--ours', wrong, '--scenarios', 'idle', ...SHORT],
  )
  const { exitCode, stdout } = await process
  t.is(exitCode, 0)
  t.regex(stdout, /not had: wrong: .*\/nowhere/u)
  t.regex(readResults(out).peers.at(-1)?.missing ?? '', /\/nowhere/u)
})

test('without root there is one line that says so', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'setpriv')) return
  const bench = [process.execPath, '--import', '@oxc-node/core/register', BENCH]
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--', ...bench]
  const { exitCode, stderr, stdout } = await execa('setpriv', nobody, { reject: false, cwd: ROOT })
  t.is(exitCode, 1)
  t.is(stdout, '')
  t.regex(stderr, /^bench: .*needs root: run it with sudo$/u)
})
