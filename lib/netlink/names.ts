/**
 * A name from a list, or the number of a value without a name. crate/core/src/netlink/names.rs has the numbers; a
 * test compares the names (`__test__/lib/tables.spec.ts`).
 */
export type Named<T extends readonly string[]> = T[number] | number

export const SCOPES = ['global', 'site', 'link', 'host', 'nowhere'] as const

export const ADDRESS_PROTOCOLS = ['unspec', 'kernel_lo', 'kernel_ra', 'kernel_ll'] as const

export const TABLES = ['unspec', 'default', 'main', 'local'] as const

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
  'unspec',
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
  'unspec',
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

export const OPER_STATES = [
  'unknown',
  'notPresent',
  'down',
  'lowerLayerDown',
  'testing',
  'dormant',
  'up',
] as const

export const LINK_TYPES = [
  'ether',
  'ppp',
  'ipip',
  'tunnel6',
  'loopback',
  'sit',
  'gre',
  'none',
] as const

export const ADDRESS_GENERATION_MODES = ['eui64', 'none', 'stableSecret', 'random'] as const

export const MACVLAN_MODES = ['private', 'vepa', 'bridge', 'passthru', 'source'] as const

export const VLAN_PROTOCOLS = ['802.1Q', '802.1ad'] as const
