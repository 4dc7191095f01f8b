import type { ExecutionContext } from 'ava'
import { type Namespace, withNamespace } from './namespace.ts'
import { type Running, startProgram } from './program.ts'

/** A host, a router and a second host. A tunnel connects two further namespaces, which contain its interfaces. */
export interface Routed {
  near: Namespace
  nearInside: Namespace
  farInside: Namespace
  router: Namespace
  /** The program on the near host. */
  program: Running
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
    const program = startProgram([...args, ...options], { netns: namespace.name })
    t.teardown(() => program.end())
    await program.until('stdout', /ready|tun/u)
    return { inside, program }
  }
  const { inside: farInside } = await end(far, FAR, underlay.near)
  const { inside: nearInside, program } = await end(near, NEAR, underlay.far)
  const narrow = async (mtu: number) => {
    await router.run('ip', 'link', 'set', 'far', 'mtu', String(mtu))
    await far.run('ip', 'link', 'set', 'up0', 'mtu', String(mtu))
  }
  return { near, nearInside, farInside, router, program, narrow }
}

/** Returns the fragments that a namespace has made of its own packets, both families. */
export async function fragmentsMade(namespace: Namespace): Promise<number> {
  const text = await namespace.run('nstat', '-asz', 'IpFragCreates', 'Ip6FragCreates')
  return [...text.matchAll(/FragCreates\s+(\d+)/gu)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )
}
