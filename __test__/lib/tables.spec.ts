import test from 'ava'
import { COUNTERS } from '../../lib/relay/counters.ts'
import * as limits from '../../lib/check/limits.ts'
import { LIST_MAX } from '../../lib/check/list.ts'
import { BATCH_BYTES_MAX, BATCH_PACKETS_MAX } from '../../lib/device/packets/checkPackets.ts'
import { loadNative } from '../../lib/native/native.ts'
import * as names from '../../lib/netlink/names.ts'

const { tables } = await loadNative()

test('Rust and TypeScript have the same limits', (t) => {
  t.deepEqual(tables().limits, {
    queues: limits.QUEUES_MAX,
    sourcePorts: limits.SOURCE_PORTS_MAX,
    minMtu: limits.MTU_MIN,
    maxMtu: limits.MTU_MAX,
    nameBytes: limits.NAME_BYTES_MAX,
    filterInstructions: limits.INSTRUCTIONS_MAX,
    snapLength: limits.SNAP_LENGTH_MAX,
    minCaptureBytes: limits.CAPTURE_BYTES_MIN,
    listElements: LIST_MAX,
    batchPackets: BATCH_PACKETS_MAX,
    batchBytes: BATCH_BYTES_MAX,
  })
})

test('Rust and TypeScript have the same names for the numbers of RTNETLINK', (t) => {
  const sorted = (lists: Readonly<Record<string, readonly string[]>>) =>
    Object.fromEntries(
      Object.entries(lists)
        .map(([type, list]): [string, string[]] => [type, list.toSorted()])
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    )
  t.deepEqual(
    sorted({
      Scope: names.SCOPES,
      Protocol: names.PROTOCOLS,
      AddressProtocol: names.ADDRESS_PROTOCOLS,
      Table: names.TABLES,
      RouteType: names.ROUTE_TYPES,
      Preference: names.PREFERENCES,
      RuleAction: names.RULE_ACTIONS,
      OperState: names.OPER_STATES,
      LinkType: names.LINK_TYPES,
      AddressGenerationMode: names.ADDRESS_GENERATION_MODES,
      MacvlanMode: names.MACVLAN_MODES,
      VlanProtocol: names.VLAN_PROTOCOLS,
      NeighborState: names.NEIGHBOR_STATES,
      IpProtocol: names.IP_PROTOCOLS,
    }),
    sorted(tables().names),
  )
})

test('Rust and TypeScript have the same counters', (t) => {
  const camel = (name: string) =>
    name.replaceAll(/_(?<letter>[a-z])/gu, (_, letter: string) => letter.toUpperCase())
  t.true(COUNTERS.length > 25)
  t.deepEqual(
    COUNTERS.map((counter) => ({ ...counter })),
    tables().counters.map((counter) => ({ ...counter, name: camel(counter.name) })),
  )
})
