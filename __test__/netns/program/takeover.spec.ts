import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { descriptorsOf } from '../../support/descriptors.ts'
import { eventually } from '../../support/gone.ts'
import type { Running } from '../../support/program.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { READY, Stream, TakeoverTunnel, isRunning, randomOf } from '../../support/takeover.ts'
import { untilTrue } from '../../support/wait.ts'

/** The number of take-overs; the soak test has more. */
const TAKEOVERS = Number(process.env['TUN2UDP_TAKEOVERS'] ?? 20)

/** The latest moment at which a process is killed, milliseconds after the new one was started. */
const KILL_WITHIN_MS = 700

test('another process takes over: interface, routes, carrier, port and counters stay', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await TakeoverTunnel.open(t)
  const first = tunnel.start(t, '--route', '10.77.0.0/16')
  await first.until('stdout', READY)
  t.true(await tunnel.isWorking())
  const [before, identity] = [await tunnel.describe(), await tunnel.identity()]
  const second = tunnel.start(t, '--route', '10.77.0.0/16', '--takeover', '--json')
  await second.until('stdout', READY)
  const end = await first.ended
  t.is(end.status, 0)
  t.regex(end.stderr, new RegExp(`process ${second.child.pid ?? 0} has taken over`, 'u'))
  t.is(await tunnel.describe(), before)
  t.is(await tunnel.identity(), identity)
  t.true(await tunnel.isWorking())
  const { status, stdout } = await second.end()
  t.is(status, 0)
  const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
    outbound: { packetsRead: number }
  }
  t.true(summary.outbound.packetsRead >= 2, stdout)
  await eventually(t, async () => tunnel.describe(), '', 'the interface is gone')
  t.false(existsSync(tunnel.control))
})

test('a take-over with other options changes them; one that does not fit is refused', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await TakeoverTunnel.open(t)
  const alone = await tunnel.start(t, '--takeover').ended
  t.is(alone.status, 1)
  t.regex(alone.stderr, /no process listens at/u)
  const first = tunnel.start(t, '--queues', '2')
  await first.until('stdout', READY)
  const refused = await tunnel.start(t, '--takeover', '--queues', '3').ended
  t.regex(refused.stderr, /2 queues are given, and 3 were requested/u)
  t.true(isRunning(first))
  t.true(await tunnel.isWorking())
  const second = tunnel.start(t, '--takeover', '--mtu', '1400', '--address', '10.9.7.1/24')
  await second.until('stdout', READY)
  t.is((await first.ended).status, 0)
  t.regex(await tunnel.describe(), /mtu 1400[^]*10\.9\.7\.1\/24/u)
  const third = tunnel.start(t, '--takeover')
  await third.until('stdout', READY)
  t.false((await tunnel.describe()).includes('10.9.7.1'), 'it was added by the second only')
  t.true(await tunnel.isWorking())
  t.is((await third.end()).status, 0)
})

test('a signal ends a process that waits for the one that it takes over from', async (t) => {
  if (!hasTools(t, 'ping')) return
  const tunnel = await TakeoverTunnel.open(t)
  const first = tunnel.start(t)
  await first.until('stdout', READY)
  const identity = await tunnel.identity()
  first.child.kill('SIGSTOP')
  const second = tunnel.start(t, '--takeover')
  const connections = () => readFileSync('/proc/net/unix', 'utf8').split(tunnel.control).length - 1
  await untilTrue('the second one is connected', () => connections() > 1)
  t.like(await second.end('SIGTERM'), { status: 0, stdout: '', stderr: '' })
  first.child.kill('SIGCONT')
  t.true(await tunnel.isWorking())
  t.is(await tunnel.identity(), identity)
  const third = tunnel.start(t, '--takeover')
  await third.until('stdout', READY)
  t.is((await first.ended).status, 0)
  t.is((await third.end()).status, 0)
})

/** The state of the series of take-overs. */
interface Series {
  readonly t: ExecutionContext
  readonly tunnel: TakeoverTunnel
  readonly random: () => number
  current: Running
  identity: string
  kept: number
  restarted: number
}

/** Starts another process that takes over, and kills one of both in half of the cases. */
async function takeOverOnce(series: Series): Promise<void> {
  const { t, tunnel, random, current: old } = series
  const next = tunnel.start(t, '--takeover')
  const victim = random() < 0.5 ? undefined : random() < 0.5 ? old : next
  if (victim) {
    await delay(random() * KILL_WITHIN_MS)
    if (isRunning(victim)) victim.child.kill('SIGKILL')
  }
  await untilTrue('one process is left', async () => {
    if (isRunning(old) && isRunning(next)) return false
    const survivor = isRunning(old) ? old : next
    if (!isRunning(survivor)) return true
    return (survivor === old || READY.test(next.stdout)) && (await tunnel.isWorking())
  })
  series.current = isRunning(next) ? next : old
  if (isRunning(series.current)) {
    if (victim === undefined) t.is(series.current, next, next.stderr)
    t.is(await tunnel.identity(), series.identity)
    series.kept++
    return
  }
  t.truthy(victim, `${old.stderr} ${next.stderr}`)
  await eventually(t, async () => tunnel.describe(), '', 'the interface is gone')
  series.current = tunnel.start(t)
  await series.current.until('stdout', READY)
  series.identity = await tunnel.identity()
  series.restarted++
}

test('take-overs under traffic, and either process is killed at any moment', async (t) => {
  if (!hasTools(t, 'ping')) return
  const seed = Number(process.env['TUN2UDP_SEED'] ?? Date.now() % 1_000_000)
  t.log(`TUN2UDP_SEED=${seed}`)
  t.timeout(TAKEOVERS * 10_000)
  const tunnel = await TakeoverTunnel.open(t)
  const current = tunnel.start(t)
  await current.until('stdout', READY)
  let stream = new Stream(tunnel.near, tunnel.far)
  t.teardown(() => {
    stream.end()
  })
  const identity = await tunnel.identity()
  const series = { t, tunnel, random: randomOf(seed), current, identity, kept: 0, restarted: 0 }
  const queues = descriptorsOf(current.child.pid, /^\/dev\/net\/tun$/u)
  for (let round = 0; round < TAKEOVERS; round++) {
    const { restarted } = series
    await takeOverOnce(series)
    const { arrived } = stream
    await untilTrue(
      'the stream goes on',
      () => stream.arrived > arrived || stream.failure !== undefined,
    )
    if (series.restarted === restarted) t.is(stream.failure, undefined)
    t.false((stream.failure ?? '').includes('is wrong'), stream.failure)
    if (stream.failure !== undefined) {
      stream.end()
      stream = new Stream(tunnel.near, tunnel.far)
    }
    t.is(descriptorsOf(series.current.child.pid, /^\/dev\/net\/tun$/u), queues)
  }
  t.log(`${series.kept} kept the interface, ${series.restarted} were started again`)
  t.is((await series.current.end()).status, 0)
  await eventually(t, async () => tunnel.describe(), '', 'the interface is gone')
  t.false(existsSync(tunnel.control))
})
