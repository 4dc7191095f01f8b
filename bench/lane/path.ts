import { Namespace } from './namespace.ts'

/** The path of the datagrams between both forwarders. */
export const PATHS = ['loopback', 'routed'] as const

export type Path = (typeof PATHS)[number]

/** The host of a forwarder, and the outer addresses of both ends. */
export interface Host {
  readonly host: Namespace
  /** Outer address of the forwarder. */
  readonly address: string
  /** Outer address of the other forwarder. */
  readonly peerAddress: string
}

/** Bytes that the interfaces of a routed path have less than its links: the headers of VXLAN over IPv4 (RFC 7348). */
const HEADROOM = 50

const LOOPBACK = '127.0.0.1'
/** Hosts and the router on the two links of a routed path (RFC 5737). */
const NEAR = { address: '192.0.2.1', router: '192.0.2.254', link: 'near' }
const FAR = { address: '198.51.100.1', router: '198.51.100.254', link: 'far' }
const UPLINK = 'up0'

/** Returns the MTU of the interfaces at the ends, in bytes; that of the links of a routed path is `mtu`. */
export function innerMtu(path: Path, mtu: number): number {
  return path === 'routed' ? mtu - HEADROOM : mtu
}

/** Returns the number of namespaces that {@link openPath} takes. */
export function namespacesOf(path: Path): number {
  return path === 'routed' ? 3 : 1
}

/**
 * Connects the hosts of the forwarders. On `loopback` both are one namespace. On `routed` a third namespace forwards
 * between their virtual Ethernet links.
 */
export async function openPath(
  path: Path,
  mtu: number,
  spaces: readonly Namespace[],
): Promise<readonly [Host, Host]> {
  const [near, far = near, router] = spaces
  if (!near || !far) throw new Error('a path needs a namespace')
  if (path === 'loopback' || !router) {
    const host = { host: near, address: LOOPBACK, peerAddress: LOOPBACK }
    return [host, host]
  }
  await router.run(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward'])
  for (const [host, { address, router: gateway, link }] of [
    [near, NEAR],
    [far, FAR],
  ] as const) {
    await host.ip(
      `link add ${UPLINK} mtu ${mtu} type veth peer name ${link} mtu ${mtu} netns ${router.pid}`,
      `link set dev ${UPLINK} up`,
      `address add ${address}/24 dev ${UPLINK}`,
    )
    await router.ip(`link set dev ${link} up`, `address add ${gateway}/24 dev ${link}`)
    await host.ip(`route add default via ${gateway}`)
  }
  return [
    { host: near, address: NEAR.address, peerAddress: FAR.address },
    { host: far, address: FAR.address, peerAddress: NEAR.address },
  ]
}
