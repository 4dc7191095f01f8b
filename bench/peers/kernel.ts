import { release } from 'node:os'
import type { Lane } from '../lane/lane.ts'
import type { Star } from '../lane/star.ts'
import { DEVICE } from '../lane/testbed.ts'
import type { Peer } from './peer.ts'

/** Outer headers of VXLAN over IPv4: Ethernet 14, VXLAN 8, UDP 8, IP 20 (RFC 7348). */
const VXLAN_OVERHEAD = 50
/** Header of Ethernet, which a VXLAN interface carries inside as well. */
const OUTER = 'under0'
const OUTER_ADDRESSES = { left: '192.0.2.1', right: '192.0.2.2' }

/** No tunnel: the ends joined by a pair of virtual Ethernet interfaces. The limit of all. */
export const veth: Peer = {
  id: 'veth',
  title: 'veth, no tunnel',
  kind: 'kernel',
  prepare: () =>
    Promise.resolve({
      version: `Linux ${release()}`,
      async open(lane: Lane) {
        await joinByVeth(lane, DEVICE)
        for (const end of lane.ends) await lane.configure(end)
      },
    }),
}

/** The kernel's own tunnel over UDP; on loopback it has a pair of virtual Ethernet interfaces instead of the path. */
export const vxlan: Peer = {
  id: 'vxlan',
  title: 'kernel VXLAN',
  kind: 'kernel',
  isRoutable: true,
  prepare: () =>
    Promise.resolve({
      version: `Linux ${release()}`,
      async open(lane: Lane) {
        if (lane.path === 'routed') return routedVxlan(lane)
        await joinByVeth(lane, OUTER)
        for (const end of lane.ends) {
          const [local, remote] =
            end.side === 'left'
              ? [OUTER_ADDRESSES.left, OUTER_ADDRESSES.right]
              : [OUTER_ADDRESSES.right, OUTER_ADDRESSES.left]
          await end.namespace.ip(
            `link set dev ${OUTER} mtu ${lane.mtu + VXLAN_OVERHEAD}`,
            `link set dev ${OUTER} up`,
            `address add ${local}/24 dev ${OUTER}`,
            `link add ${DEVICE} type vxlan id 1 dstport 4789 local ${local} remote ${remote} dev ${OUTER}`,
          )
          await lane.configure(end)
        }
      },
      openStar: starVxlan,
    }),
}

/** The tunnel between the hosts. Its interfaces are moved to the ends, and their sockets stay on the hosts. */
async function routedVxlan(lane: Lane): Promise<void> {
  for (const end of lane.ends) {
    const device = `lane-${end.side}`
    const ends = `local ${end.address} remote ${end.peerAddress}`
    await end.host.ip(`link add ${device} type vxlan id 1 dstport 4789 ${ends}`)
    await lane.move(device, end)
    await lane.configure(end)
  }
}

/**
 * The tunnel of a hub and its spokes, each connected to the hub by a pair of virtual Ethernet interfaces. The hub's
 * interface learns the endpoint of each spoke from its packets, and sends the first ones to all.
 */
async function starVxlan(star: Star): Promise<void> {
  const { hub, spokes } = star
  const limit = star.mtu + VXLAN_OVERHEAD
  const tunnel = `link add ${DEVICE} type vxlan id 1 dstport 4789`
  await hub.namespace.ip(`address add ${OUTER_ADDRESSES.left}/32 dev lo`)
  await hub.namespace.ip(`${tunnel} local ${OUTER_ADDRESSES.left}`)
  for (const [index, { namespace }] of spokes.entries()) {
    const [link, address] = [`under${index}`, `198.51.100.${index + 1}`]
    await hub.namespace.ip(
      `link add ${link} mtu ${limit} type veth peer name ${OUTER} mtu ${limit} netns ${namespace.pid}`,
      `link set dev ${link} up`,
      `route add ${address}/32 dev ${link} src ${OUTER_ADDRESSES.left}`,
    )
    await namespace.ip(
      `address add ${address}/32 dev ${OUTER}`,
      `link set dev ${OUTER} up`,
      `route add ${OUTER_ADDRESSES.left}/32 dev ${OUTER} src ${address}`,
      `${tunnel} local ${address} remote ${OUTER_ADDRESSES.left}`,
    )
    const everyone = '00:00:00:00:00:00'
    await hub.namespace.run(['bridge', 'fdb', 'append', everyone, 'dev', DEVICE, 'dst', address])
  }
  for (const end of star.ends) await star.configure(end)
}

async function joinByVeth({ left, right }: Lane, device: string): Promise<void> {
  await left.namespace.ip(
    `link add ${device} type veth peer name ${device} netns ${right.namespace.pid}`,
  )
}
