import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import type { RelayStats } from '../../index.ts'
import { Traffic } from './traffic.ts'
import { type Namespace, withNamespace } from './namespace.ts'
import { type Running, startProgram } from './program.ts'

/** A host, a router and a second host. A tunnel connects two further namespaces, which contain its interfaces. */
export interface Routed {
  near: Namespace
  nearInside: Namespace
  farInside: Namespace
  far: Namespace
  router: Namespace
  /** The programs on the hosts. */
  program: Running
  farProgram: Running
  /** Sets the MTU of the link between the router and the far host. */
  narrow: (mtu: number) => Promise<void>
}

/** Addresses of the two hosts and of the router on their links, by family of the underlay. */
const UNDERLAY = {
  4: {
    near: '192.0.2.1',
    far: '198.51.100.1',
    nearRouter: '192.0.2.254',
    farRouter: '198.51.100.254',
    prefix: 24,
  },
  6: {
    near: '2001:db8:1::1',
    far: '2001:db8:2::1',
    nearRouter: '2001:db8:1::fe',
    farRouter: '2001:db8:2::fe',
    prefix: 64,
  },
} as const

/** Time that the traffic of a test may take on a busy machine, milliseconds. */
const SLOW_MS = 100_000

/** See the file. */
export const OVERSIZED = fileURLToPath(new URL('oversized.py', import.meta.url))

const NEAR = ['10.9.0.1/24', '--address', 'fd09::1/64']
const FAR = ['10.9.0.2/24', '--address', 'fd09::2/64']

async function addAddress(namespace: Namespace, link: string, address: string): Promise<void> {
  const isIpv6 = address.includes(':')
  await namespace.run('ip', 'address', 'add', address, 'dev', link, ...(isIpv6 ? ['nodad'] : []))
  await namespace.run('ip', 'link', 'set', link, 'up')
}

/** Builds the path and the tunnel with further options of the program. Everything is removed with the test. */
export async function withRouted(
  t: ExecutionContext,
  family: 4 | 6,
  ...options: readonly string[]
): Promise<Routed> {
  const underlay = UNDERLAY[family]
  const router = await withNamespace(t)
  const forwarding = family === 4 ? 'net.ipv4.ip_forward=1' : 'net.ipv6.conf.all.forwarding=1'
  await router.run('sysctl', '-qw', forwarding)
  const host = async (link: string, address: string, gateway: string) => {
    const namespace = await withNamespace(t)
    const peer = ['peer', 'name', link, 'netns', router.name]
    await namespace.run('ip', 'link', 'add', 'up0', 'type', 'veth', ...peer)
    await addAddress(router, link, `${gateway}/${String(underlay.prefix)}`)
    await addAddress(namespace, 'up0', `${address}/${String(underlay.prefix)}`)
    await namespace.run('ip', 'route', 'add', 'default', 'via', gateway)
    return namespace
  }
  const near = await host('near', underlay.near, underlay.nearRouter)
  const far = await host('far', underlay.far, underlay.farRouter)
  const end = async (namespace: Namespace, addresses: string[], peer: string) => {
    const inside = await withNamespace(t)
    const args = [...addresses, '5001', '5001', '--peer', peer, '--netns', inside.name]
    const program = startProgram([...args, ...options], {
      netns: namespace.name,
      timeoutMs: SLOW_MS,
    })
    t.teardown(() => program.end())
    await program.until('stdout', /ready|tun/u)
    return { inside, program }
  }
  const { inside: farInside, program: farProgram } = await end(far, FAR, underlay.near)
  const { inside: nearInside, program } = await end(near, NEAR, underlay.far)
  const narrow = async (mtu: number) => {
    await router.run('ip', 'link', 'set', 'far', 'mtu', String(mtu))
    await far.run('ip', 'link', 'set', 'up0', 'mtu', String(mtu))
  }
  return { near, nearInside, farInside, far, router, program, farProgram, narrow }
}

/** Returns the counters of a program that was started with `--json`. */
export async function statsOf(program: Running): Promise<RelayStats> {
  const lines = () =>
    program.stdout.split('\n').filter((line) => /^\{"event":"stats".*\}$/u.test(line))
  const before = lines().length
  program.child.kill('SIGUSR2')
  for (;;) {
    const line = lines()[before]
    if (line !== undefined) return JSON.parse(line) as RelayStats
    if (program.child.exitCode !== null || program.child.signalCode !== null) {
      throw new Error(`the program ended: ${program.stderr}`)
    }
    await sleep(5)
  }
}

/** Returns the output of a command on both streams, regardless of its status. */
export async function output(namespace: Namespace, ...command: string[]): Promise<string> {
  return namespace.run('sh', '-c', '"$@" 2>&1 || true', 'sh', ...command)
}

/** Sends packets that are too long until the kernel inside reports the MTU of the path; returns its last line. */
export async function refusedPing(namespace: Namespace, address: string): Promise<string> {
  const ping = ['ping', '-c', '1', '-W', '1', '-M', 'do', '-s', '1400', address]
  const deadline = Date.now() + SLOW_MS
  for (;;) {
    const text = await output(namespace, ...ping)
    if (text.includes('mtu') || Date.now() > deadline) return text
  }
}

/** Sends bytes over TCP and asserts that all of them arrive, unchanged. */
export async function transfer(
  t: ExecutionContext,
  [near, far]: readonly [Namespace, Namespace],
  address: string,
  bytes: number,
): Promise<void> {
  const sink = new Traffic(t, far, 'tcpSink', address)
  const source = new Traffic(t, near, 'tcpSource', address, await sink.port(), String(bytes))
  const sent = await source.next()
  t.is(sent.bytes, bytes)
  t.deepEqual(await sink.next(), sent)
}

/** Returns counters of a namespace by their names in nstat(8). */
export async function counters(
  namespace: Namespace,
  ...names: readonly string[]
): Promise<Record<string, number>> {
  const text = await namespace.run('nstat', '-asz', ...names)
  const found = [...text.matchAll(/^(\w+)\s+(\d+)/gmu)]
  return Object.fromEntries(found.map(([, name = '', count]) => [name, Number(count)]))
}

/** Returns the fragments that a namespace has made of its own packets, both families. */
export async function fragmentsMade(namespace: Namespace): Promise<number> {
  const made = await counters(namespace, 'IpFragCreates', 'Ip6FragCreates')
  return Object.values(made).reduce((sum, count) => sum + count, 0)
}
