import type { State } from './finding.ts'
import { type System, hasCapability, sysctl } from './system.ts'

/** Size that the relay requests for each of its socket buffers, bytes (`socket_buffer_bytes` of the core). */
const BUFFER_BYTES = 4_194_304

/** The limits of socket buffers. */
export function buffers(system: System): State {
  const names = ['net.core.rmem_max', 'net.core.wmem_max']
  const limits = names.map((name) => ({ name, value: sysctl(system, name) }))
  const known = limits.filter(({ value }) => value !== undefined)
  const found = known.map(({ name, value }) => `${name} = ${value}`).join(', ') || 'not known'
  if (hasCapability(system, 'CAP_NET_ADMIN')) {
    return {
      level: 'ok',
      found,
      meaning: 'With CAP_NET_ADMIN the relay gets larger buffers than these limits.',
    }
  }
  const small = known.filter(({ value = 0 }) => value < BUFFER_BYTES)
  if (small.length === 0)
    return { level: 'ok', found, meaning: 'The relay gets the buffers that it requests.' }
  const settings = small.map(({ name }) => `${name}=${BUFFER_BYTES}`)
  return {
    level: 'note',
    found,
    meaning: 'The socket buffers are small: a burst of datagrams may overflow them.',
    advice: `"sysctl ${settings.join(' ')}" raises the limits`,
  }
}

/** IPv6 on this machine. */
export function ipv6(system: System): State {
  const disabled = ['all', 'default'].filter(
    (name) => sysctl(system, `net.ipv6.conf.${name}.disable_ipv6`) === 1,
  )
  const [first] = disabled
  const meaning = 'The interface and the peer cannot have IPv6 addresses.'
  if (first !== undefined) {
    const name = `net.ipv6.conf.${first}.disable_ipv6`
    const settings = disabled.map((one) => `net.ipv6.conf.${one}.disable_ipv6=0`)
    return {
      level: 'note',
      found: `${name} = 1`,
      meaning,
      advice: `"sysctl ${settings.join(' ')}" enables IPv6`,
    }
  }
  if (system.read('/proc/net/if_inet6') === undefined) {
    return { level: 'note', found: 'the kernel has no IPv6', meaning }
  }
  return {
    level: 'ok',
    found: 'enabled',
    meaning: 'The interface and the peer can have IPv6 addresses.',
  }
}

/** Forwarding between interfaces. */
export function forwarding(system: System): State {
  const v4 = sysctl(system, 'net.ipv4.ip_forward') ?? 0
  const v6 = sysctl(system, 'net.ipv6.conf.all.forwarding') ?? 0
  const found = `IPv4 ${v4 ? 'on' : 'off'}, IPv6 ${v6 ? 'on' : 'off'}`
  if (v4 && v6)
    return {
      level: 'ok',
      found,
      meaning: 'This machine forwards packets between the tunnel and other networks.',
    }
  return {
    level: 'ok',
    found,
    meaning:
      'A tunnel between two machines needs no forwarding. To connect their networks, set net.ipv4.ip_forward=1 and net.ipv6.conf.all.forwarding=1.',
  }
}

/** The reverse path filter for a new interface: the kernel uses the larger of both settings (ip-sysctl). */
export function reversePathFilter(system: System): State {
  const values = ['all', 'default'].map(
    (name) => sysctl(system, `net.ipv4.conf.${name}.rp_filter`) ?? 0,
  )
  const value = Math.max(...values)
  const found = `${['off', 'strict', 'loose'][value] ?? value} (net.ipv4.conf.{all,default}.rp_filter = ${values.join(', ')})`
  if (value !== 1)
    return {
      level: 'ok',
      found,
      meaning: 'Packets from the tunnel are accepted whichever way leads back.',
    }
  return {
    level: 'note',
    found,
    meaning:
      'The kernel drops an IPv4 packet from the tunnel unless the route to its source leads into the interface.',
    advice:
      'give the interface a route to every network behind the peer (--route), or set net.ipv4.conf.all.rp_filter=2',
  }
}

/** Share of the connection tracking table above which it is nearly full. */
const NEARLY_FULL = 0.9

/** Firewalls and connection tracking. */
export function firewall(system: System): State {
  const count = sysctl(system, 'net.netfilter.nf_conntrack_count')
  const maximum = sysctl(system, 'net.netfilter.nf_conntrack_max')
  if (
    count !== undefined &&
    maximum !== undefined &&
    maximum > 0 &&
    count > maximum * NEARLY_FULL
  ) {
    return {
      level: 'note',
      found: `connection tracking has ${count} of ${maximum} entries`,
      meaning: 'Once the table is full, the kernel drops the packets of new connections.',
      advice: `"sysctl net.netfilter.nf_conntrack_max=${maximum * 2}" doubles it`,
    }
  }
  const tables = (system.read('/proc/net/ip_tables_names') ?? '')
    .split(/\s+/u)
    .filter((name) => name !== '')
  const loaded = [
    system.read('/sys/module/nf_tables/refcnt') !== undefined && 'nf_tables',
    tables.length > 0 && `iptables (${tables.join(', ')})`,
    maximum !== undefined && 'connection tracking',
  ].filter((name) => name !== false)
  if (loaded.length === 0)
    return {
      level: 'ok',
      found: 'none loaded as a module',
      meaning: 'No packet filter is known to be in use.',
    }
  return {
    level: 'ok',
    found: `loaded: ${loaded.join(', ')}`,
    meaning:
      'Rules may drop the datagrams of the peer or the packets of the interface. "nft list ruleset" and "iptables -S" print them; the UDP port RECV_PORT must be open.',
  }
}
