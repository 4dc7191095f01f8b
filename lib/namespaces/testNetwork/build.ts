import { writeFileSync } from 'node:fs'
import type { NativeNamespace } from '#binding'
import { throwIfAborted } from '../../check/abort.ts'
import { TunError, fromNative } from '../../errors.ts'
import { loadNative } from '../../native/native.ts'
import { type Netlink, openNetlink } from '../../netlink/netlink.ts'
import { visit } from '../open.ts'
import type { EndPlan, HostPlan, LinkPlan, NetworkPlan } from './options.ts'

/** A namespace while the network is built. */
export interface Place {
  readonly native: NativeNamespace
  readonly netlink: Netlink
}

/** How long an interface may take until it carries packets, milliseconds. */
const UP_TIMEOUT_MS = 10_000
const MTU_DEFAULT = 1500
const BRIDGE = 'bridge'

/** Every path of `/proc/sys` is that of the namespace of the thread that opens it. */
const WITHOUT_DAD = [
  ['ipv6/conf/all/accept_dad', '0'],
  ['ipv6/conf/default/accept_dad', '0'],
] as const
const FORWARDING = [
  ['ipv4/ip_forward', '1'],
  ['ipv6/conf/all/forwarding', '1'],
] as const

/** Namespaces that a network consists of; those of switches have no name. */
export class Places {
  readonly hosts = new Map<string, Place>()
  readonly #all: { native: NativeNamespace; netlink?: Netlink }[] = []

  /** Creates a namespace, with loopback up. */
  async add(): Promise<Place> {
    const { createUnnamedNamespace } = await loadNative()
    const native = await createUnnamedNamespace().catch((error: unknown) => {
      throw fromNative(error)
    })
    const place: { native: NativeNamespace; netlink?: Netlink } = { native }
    this.#all.push(place)
    setKernel(native, WITHOUT_DAD)
    const netlink = await openNetlink({ netns: native.path })
    place.netlink = netlink
    await netlink.links.set('lo', { up: true })
    return { native, netlink }
  }

  /** Returns the place of a host that was added. */
  of(host: string): Place {
    const place = this.hosts.get(host)
    if (place) return place
    throw new TunError(`build the test network: the host ${host} is missing`, {
      code: 'ERR_TUN_INTERNAL',
      subject: host,
    })
  }

  /** Closes the sessions, which only building needs. */
  closeSessions(): void {
    for (const { netlink } of this.#all) void netlink?.close()
  }

  /** Closes everything. */
  close(): void {
    this.closeSessions()
    for (const { native } of this.#all) native.close()
  }
}

/** Builds hosts, then links, then routes. After a failure, `places` contains everything built so far. */
export async function buildNetwork(plan: NetworkPlan, places: Places): Promise<void> {
  const { hosts, links, signal } = plan
  const names = [...hosts.keys()]
  await settleAll(names.map(async (name) => void places.hosts.set(name, await places.add())))
  for (const link of links) {
    throwIfAborted(signal)
    await (link.isSwitch ? addSwitch(places, link) : addCable(places, link))
  }
  throwIfAborted(signal)
  await settleAll(links.flatMap(({ ends }) => ends.map(async (end) => waitUntilUp(places, end))))
  for (const [name, host] of hosts) {
    throwIfAborted(signal)
    await setUpHost(places.of(name), host)
  }
  throwIfAborted(signal)
}

/** Waits for all, so that nothing goes on after a failure, and throws the first failure. */
async function settleAll(promises: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(promises))
    if (outcome.status === 'rejected') throw outcome.reason
}

async function setUpHost({ native, netlink }: Place, { router, routes }: HostPlan): Promise<void> {
  if (router) setKernel(native, FORWARDING)
  for (const route of routes) await netlink.routes.add(route)
}

async function addCable(places: Places, { ends, mtu = MTU_DEFAULT }: LinkPlan): Promise<void> {
  const [near, far] = ends as [EndPlan, EndPlan]
  const peer = { ...linkOf(far), mtu, netns: places.of(far.host).native.path }
  const { links } = places.of(near.host).netlink
  await links.add({ kind: 'veth', ...linkOf(near), mtu, peer })
  for (const end of ends) await bringUp(places, end)
}

async function addSwitch(places: Places, { ends, mtu = MTU_DEFAULT }: LinkPlan): Promise<void> {
  const { native, netlink } = await places.add()
  const kindData = { stp: false, multicastSnooping: false }
  await netlink.links.add({ kind: 'bridge', name: BRIDGE, kindData, up: true })
  for (const [n, end] of ends.entries()) {
    const port = `port${n}`
    const peer = { name: port, mtu, netns: native.path }
    const { links } = places.of(end.host).netlink
    await links.add({ kind: 'veth', ...linkOf(end), mtu, peer })
    await netlink.links.set(port, { master: BRIDGE, up: true })
    await bringUp(places, end)
  }
}

function linkOf({ name, macAddress }: EndPlan): { name: string; macAddress?: string } {
  return { name, ...(macAddress === undefined ? {} : { macAddress }) }
}

async function bringUp(places: Places, { host, name, addresses }: EndPlan): Promise<void> {
  const { netlink } = places.of(host)
  for (const address of addresses)
    await netlink.addresses.add(name, address, address.includes(':') ? { noDad: true } : {})
  await netlink.links.set(name, { up: true })
}

async function waitUntilUp(places: Places, { host, name }: EndPlan): Promise<void> {
  const isUp = (link: { operState: unknown } | undefined) => link?.operState === 'up'
  await places.of(host).netlink.waitFor(name, isUp, { timeoutMs: UP_TIMEOUT_MS })
}

/** Writes settings of the kernel; those of a protocol that it does not have are left out. */
function setKernel(
  native: NativeNamespace,
  settings: readonly (readonly [string, string])[],
): void {
  for (const [name, value] of settings) {
    const path = `/proc/sys/net/${name}`
    try {
      visit(native, () => {
        writeFileSync(path, value)
      })
    } catch (cause) {
      if (cause instanceof TunError) throw cause
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue
      throw new TunError(
        `set ${path}: ${(cause as Error).message}; mount /proc/sys writable, as in a privileged container`,
        { code: 'ERR_TUN_PERMISSION', subject: path, advice: 'mount /proc/sys writable' },
        { cause },
      )
    }
  }
}
