import { setTimeout } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { type Netlink, openNetlink } from '../../dist/index.js'
import { type Namespace, withNamespace } from './namespace.ts'

/** A namespace for one test, with a session and ip(8) in it. */
export interface Room {
  readonly namespace: Namespace
  readonly netlink: Netlink
  /** Runs `ip -j -d …` in the namespace and returns its output. */
  ip: <T = Record<string, unknown>>(command: string) => Promise<T[]>
}

/** Creates a namespace and a session, which end with the test. */
export async function withNetlink(t: ExecutionContext): Promise<Room> {
  const namespace = await withNamespace(t)
  const netlink = await openNetlink({ netns: namespace.name })
  t.teardown(() => netlink.close())
  const ip = async <T>(command: string) => {
    const stdout = await namespace.run('ip', '-j', '-d', ...command.split(' '))
    return (stdout.trim() === '' ? [] : JSON.parse(stdout)) as T[]
  }
  return { namespace, netlink, ip }
}

/** Waits until the links have a carrier. The kernel announces it a moment after both ends are up. */
export async function untilCarrier({ ip }: Room, ...names: string[]): Promise<void> {
  for (;;) {
    const links = await ip<IpLink>('link')
    const isReady = ({ ifname, operstate }: IpLink) => !names.includes(ifname) || operstate === 'UP'
    if (links.every(isReady)) return
    await setTimeout(5)
  }
}

/** Returns the object without keys whose value is undefined, for comparisons. */
export function defined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}

/** A link as `ip -j -d -s link` prints it. */
export interface IpLink {
  ifname: string
  ifindex: number
  flags: string[]
  mtu: number
  min_mtu: number
  max_mtu: number
  operstate: string
  group: string
  txqlen?: number
  link_type: string
  address?: string
  broadcast?: string
  altnames?: string[]
  ifalias?: string
  master?: string
  promiscuity: number
  allmulti?: number
  qdisc?: string
  num_tx_queues: number
  num_rx_queues: number
  gso_max_size: number
  gso_max_segs: number
  inet6_addr_gen_mode?: string
  linkinfo?: { info_kind: string; info_data?: Record<string, unknown> }
  stats64?: { rx: Record<string, number>; tx: Record<string, number> }
}
