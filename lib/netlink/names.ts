/** A name of a list, or a number that has none (crate/core/src/netlink/names.rs). */
export type Named<T extends readonly string[]> = T[number] | number

export const SCOPES = ['global', 'site', 'link', 'host', 'nowhere'] as const

export const ADDRESS_PROTOCOLS = ['unspec', 'kernel_lo', 'kernel_ra', 'kernel_ll'] as const

export const TABLES = ['default', 'main', 'local'] as const

export const PROTOCOLS = [
  'unspec',
  'redirect',
  'kernel',
  'boot',
  'static',
  'gated',
  'ra',
  'mrt',
  'zebra',
  'bird',
  'dnrouted',
  'xorp',
  'ntk',
  'dhcp',
  'keepalived',
  'babel',
  'bgp',
  'isis',
  'ospf',
  'rip',
  'eigrp',
] as const

export const ROUTE_TYPES = [
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
] as const

export const PREFERENCES = ['low', 'medium', 'high'] as const

export const RULE_ACTIONS = [
  'table',
  'goto',
  'nop',
  'blackhole',
  'unreachable',
  'prohibit',
] as const

export const IP_PROTOCOLS = ['icmp', 'tcp', 'udp', 'dccp', 'icmp6', 'sctp'] as const

export const NEIGHBOR_STATES = [
  'none',
  'incomplete',
  'reachable',
  'stale',
  'delay',
  'probe',
  'failed',
  'noarp',
  'permanent',
] as const
