import {
  type Check,
  type Fields,
  flag,
  integer,
  ipAddress,
  linkRef,
  list,
  macAddress,
  named,
  nested,
  text,
  u16,
  u32,
  u8,
  readProperty,
} from '../check/fields.ts'
import { MTU_MAX } from '../check/limits.ts'
import { invalidArgument } from '../errors.ts'
import { checkMtu, checkName } from '../check/interface.ts'
import { checkNamespace } from '../check/namespace.ts'
import { ADDRESS_GENERATION_MODES, MACVLAN_MODES, VLAN_PROTOCOLS } from './names.ts'

/** Checks a complete name: the kernel must not choose a number in it. */
const wholeName: Check = (what, value) => {
  if (typeof value === 'string' && value.includes('%')) {
    throw invalidArgument(what, value, 'a name without "%"', { code: 'ERR_TUN_INVALID_NAME' })
  }
  return checkName(value)
}

const netns: Check = (_, value) => checkNamespace(value)
/** Links of other drivers accept MTUs outside the limits of TUN. The kernel checks those. */
const mtu: Check = (what, value) =>
  Number.isInteger(value) && (value as number) > MTU_MAX ? u32(what, value) : checkMtu(value)

/** `null` means no master, which is 0 for the kernel. */
const master: Check = (what, value) => (value === null ? 0 : linkRef(what, value))

/** At most `ALTIFNAMSIZ - 1` bytes (linux/if.h). */
const altName = text(1, 127)

export const LINK_FILTER: Fields = { kind: text(1, 63), master: linkRef }

/** Settings that can also be set when a link is created. */
const AT_ONCE: Fields = { mtu, macAddress, txQueueLength: u32 }

const LATER: Fields = {
  up: flag,
  alias: text(0, 255),
  altNames: list(altName),
  group: u32,
  master,
  carrier: flag,
  addressGenerationMode: named(ADDRESS_GENERATION_MODES, 3),
  promiscuous: flag,
  allMulticast: flag,
}

export const LINK_SETTINGS: Fields = { ...AT_ONCE, ...LATER, name: wholeName, netns }

const milliseconds: Check = (what, value) => {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) % 10 === 0) {
    return u32(what, value)
  }
  throw invalidArgument(what, value, 'a whole number of milliseconds, a multiple of 10')
}

const KINDS: Readonly<Record<string, Fields>> = {
  bridge: {
    stp: flag,
    forwardDelayMs: milliseconds,
    helloTimeMs: milliseconds,
    maxAgeMs: milliseconds,
    ageingTimeMs: milliseconds,
    priority: u16,
    vlanFiltering: flag,
    vlanDefaultPvid: integer(0, 4094),
    groupForwardMask: u16,
    multicastSnooping: flag,
  },
  vxlan: {
    id: integer(0, 16_777_215),
    remote: ipAddress(),
    local: ipAddress(),
    port: u16,
    ttl: u8,
    tos: u8,
    learning: flag,
    ageingSeconds: u32,
    maxAddresses: u32,
    proxy: flag,
    l2Miss: flag,
    l3Miss: flag,
    udpChecksum: flag,
    collectMetadata: flag,
  },
  macvlan: { mode: named(MACVLAN_MODES, 0) },
  vlan: { id: integer(0, 4094), protocol: named(VLAN_PROTOCOLS, 0) },
  vrf: { table: u32 },
  veth: {},
  dummy: {},
}

const kind: Check = (what, value) => {
  if (typeof value === 'string' && Object.hasOwn(KINDS, value)) return value
  throw invalidArgument(what, value, `one of ${Object.keys(KINDS).join(', ')}`)
}

const PEER: Fields = { name: wholeName, netns, mtu, macAddress }

/** Returns the properties for creating a link of the given kind. */
export function linkSpecFields(given: unknown): Fields {
  const named = kind('kind', readProperty(given, 'kind')) as string
  return {
    kind,
    name: wholeName,
    kindData: nested(KINDS[named] ?? {}),
    lower: linkRef,
    ...(named === 'veth' ? { peer: nested(PEER) } : {}),
    txQueues: integer(1, 4096),
    rxQueues: integer(1, 4096),
    ...AT_ONCE,
    ...LATER,
  }
}

/** The names of the settings that are only set after the link was created. */
export const SET_LATER: ReadonlySet<string> = new Set(Object.keys(LATER))
