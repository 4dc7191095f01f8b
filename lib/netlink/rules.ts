import type { NativeNetlink } from '#binding'
import { isIPv6 } from 'node:net'
import {
  type Check,
  type Fields,
  checkFields,
  checkIdentity,
  family,
  flag,
  integer,
  named,
  nested,
  text,
  u32,
} from '../check/fields.ts'
import { invalidArgument } from '../errors.ts'
import { formatAddress, parseRoute } from '../check/address.ts'
import { readTable, streamTable } from './dump.ts'
import { type OtherAttribute, otherAttributes } from './otherAttributes.ts'
import { IP_PROTOCOLS, type Named, PROTOCOLS, RULE_ACTIONS, TABLES } from './names.ts'
import type { Operation, Pipeline } from './pipeline.ts'
import type { RouteProtocol, RoutingTable } from './routeTypes.ts'

/** What a rule does with a packet that fits. */
export type RuleAction = Named<typeof RULE_ACTIONS>

/** Both ends are in it. */
export interface Range {
  start: number
  end: number
}

/** A rule to add, or the properties that identify the rule to delete. */
export interface RuleSpec {
  /** Default: that of `from` or `to`, else 4. */
  family?: 4 | 6
  /** The lowest is looked at first. Default: the kernel's, one below those that are there. */
  priority?: number
  /** Default: `table`, or `goto` where that is set. */
  action?: RuleAction
  /** The table where the route of a packet is looked up. Default: `main`. */
  table?: RoutingTable
  /** Priority of the rule to go on with. */
  goto?: number
  /** Packets that do not fit. */
  invert?: boolean
  /** Packets from this network, `NETWORK[/PREFIX]`. */
  from?: string
  /** Packets to this network, `NETWORK[/PREFIX]`. */
  to?: string
  /** Packets with this type of service. */
  tos?: number
  /** Packets that came in by the link of this name; it need not be there. */
  inputLink?: string
  /** Packets of sockets that are bound to the link of this name; it need not be there. */
  outputLink?: string
  /** Packets with this firewall mark. */
  mark?: number
  /** The bits of the mark that count. Default: all. */
  markMask?: number
  /** Packets of this transport protocol. */
  ipProtocol?: Named<typeof IP_PROTOCOLS>
  /** Packets from these ports. */
  sourcePorts?: Range
  /** Packets to these ports. */
  destinationPorts?: Range
  /** Packets of sockets of these users. */
  userIds?: Range
  /** The table is that of the packet's VRF. */
  l3mdev?: boolean
  /** Routes with a prefix not longer than this do not count. */
  suppressPrefixLength?: number
  /** Routes by links of this group do not count. */
  suppressIfGroup?: number
  /** Who makes it. Default: `boot`. */
  protocol?: RouteProtocol
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
  /** Bits of `FIB_RULE_*` that this package does not interpret, as they were listed. */
  otherFlags?: number
}

/** A rule, as the kernel describes it. */
export type Rule = Readonly<RuleSpec> &
  Readonly<Required<Pick<RuleSpec, 'family' | 'priority' | 'action' | 'invert' | 'l3mdev'>>>

/** Which rules; what is absent does not matter. */
export interface RuleFilter {
  family?: 4 | 6
}

const network: Check = (_, value) => formatAddress(parseRoute(value as string))
const linkName = text(1, 15)

/** An object with both ends in order. */
function range(highest: number): Check {
  const end = integer(0, highest)
  return (what, value) => {
    const checked = nested({ start: end, end })(what, value) as Partial<Range>
    if (checked.start !== undefined && checked.end !== undefined && checked.start <= checked.end) {
      return checked
    }
    throw invalidArgument(what, value, 'a start and an end that is not below it')
  }
}

const SPEC: Fields = {
  family,
  priority: u32,
  action: named(RULE_ACTIONS, 255),
  table: named(TABLES, 4_294_967_295),
  goto: u32,
  invert: flag,
  from: network,
  to: network,
  tos: integer(0, 255),
  inputLink: linkName,
  outputLink: linkName,
  mark: u32,
  markMask: u32,
  ipProtocol: named(IP_PROTOCOLS, 255),
  sourcePorts: range(65_535),
  destinationPorts: range(65_535),
  userIds: range(4_294_967_294),
  l3mdev: flag,
  suppressPrefixLength: integer(0, 128),
  suppressIfGroup: u32,
  protocol: named(PROTOCOLS, 255),
  otherAttributes,
  otherFlags: u32,
}

/** Rules that choose a routing table: `ip rule`. */
export class Rules {
  readonly #native: NativeNetlink
  readonly #pipeline: Pipeline

  /** @internal */
  constructor(native: NativeNetlink, pipeline: Pipeline) {
    this.#native = native
    this.#pipeline = pipeline
  }

  /** All rules that fit; read again if they changed meanwhile. */
  async list(filter: RuleFilter = {}): Promise<Rule[]> {
    return readTable(this.#native, query(filter))
  }

  /** The same bit by bit; it ends with `ERR_TUN_INTERRUPTED` if the rules changed meanwhile. */
  stream(filter: RuleFilter = {}): AsyncGenerator<Rule, void, undefined> {
    return streamTable(this.#native, query(filter))
  }

  /**
   * Adds a rule.
   *
   * @throws {TunError} `ERR_TUN_EXISTS` if there is one just like it.
   */
  async add(rule: RuleSpec): Promise<void> {
    await this.#pipeline.submit(toOperation('addRule', rule))
  }

  /**
   * Deletes the one rule that has all given properties. Give at least one besides the family. A property
   * whose value is `undefined` is refused; a rule as `list()` returned it is accepted.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if several rules have them.
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if none has.
   */
  async delete(rule: RuleSpec): Promise<void> {
    await this.#pipeline.submit(toOperation('deleteRule', rule))
  }
}

function query(filter: RuleFilter): { table: string; filter: Record<string, unknown> } {
  return { table: 'rules', filter: checkFields('filter', filter, { family }) }
}

function toOperation(op: 'addRule' | 'deleteRule', rule: RuleSpec): Operation {
  const spec = (op === 'addRule' ? checkFields : checkIdentity)('rule', rule, SPEC)
  if (op === 'deleteRule' && Object.keys(spec).every((name) => name === 'family')) {
    const expected = 'properties that identify one rule, such as its priority and table'
    throw invalidArgument('rule', rule, expected)
  }
  const networks = [spec['from'], spec['to']].filter((network) => typeof network === 'string')
  const families = new Set<4 | 6>(
    networks.map((network) => (isIPv6(network.split('/')[0] ?? '') ? 6 : 4)),
  )
  if (spec['family'] !== undefined) families.add(spec['family'] as 4 | 6)
  if (families.size > 1) throw invalidArgument('rule', rule, 'networks of one family')
  return { op, spec: { ...spec, family: [...families][0] ?? 4 } }
}
