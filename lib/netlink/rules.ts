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

/** How a rule handles a matching packet. */
export type RuleAction = Named<typeof RULE_ACTIONS>

/** A range, including both ends. */
export interface Range {
  start: number
  end: number
}

/** A rule to add, or the properties that identify the rule to delete. */
export interface RuleSpec {
  /** Default: that of `from` or `to`, otherwise 4. */
  family?: 4 | 6
  /**
   * The rule with the lowest priority value is evaluated first. Default: the kernel chooses one below the existing
   * rules.
   */
  priority?: number
  /** Default: `goto` if `goto` is set, otherwise `table`. */
  action?: RuleAction
  /** The table in which the route is looked up. Default: `main`. */
  table?: RoutingTable
  /** Priority of the rule to continue with. */
  goto?: number
  /** Matches the packets that do not fit the conditions. */
  invert?: boolean
  /** Matches packets from this network, `NETWORK[/PREFIX]`. */
  from?: string
  /** Matches packets to this network, `NETWORK[/PREFIX]`. */
  to?: string
  /** Matches packets with this type of service. */
  tos?: number
  /** Matches packets that arrive on the link of this name; the link need not exist. */
  inputLink?: string
  /** Matches packets of sockets bound to the link of this name; the link need not exist. */
  outputLink?: string
  /** Matches packets with this firewall mark. */
  mark?: number
  /** The bits of the mark that are compared. Default: all. */
  markMask?: number
  /** Matches packets of this transport protocol. */
  ipProtocol?: Named<typeof IP_PROTOCOLS>
  /** Matches packets from these ports. */
  sourcePorts?: Range
  /** Matches packets to these ports. */
  destinationPorts?: Range
  /** Matches packets of sockets of these users, by number. */
  userIds?: Range
  /** Looks the route up in the table of the packet's VRF. */
  l3mdev?: boolean
  /** Ignores routes with a prefix of at most this length. */
  suppressPrefixLength?: number
  /** Ignores routes through links of this group. */
  suppressIfGroup?: number
  /** The origin of the rule. Default: `boot`. */
  protocol?: RouteProtocol
  /** Attributes that this package does not interpret, as they were listed. */
  otherAttributes?: readonly OtherAttribute[]
  /** Bits of `FIB_RULE_*` that this package does not interpret, as they were listed. */
  otherFlags?: number
}

/** A rule, as the kernel describes it. */
export type Rule = Readonly<RuleSpec> &
  Readonly<Required<Pick<RuleSpec, 'family' | 'priority' | 'action' | 'invert' | 'l3mdev'>>>

/** Selects rules. Omitted properties match everything. */
export interface RuleFilter {
  family?: 4 | 6
}

const network: Check = (_, value) => formatAddress(parseRoute(value as string))
const linkName = text(1, 15)

/** Checks an object with both ends of a range in ascending order. */
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

  /**
   * Returns all matching rules. Reads them again if they changed during the read.
   *
   * @throws {TunError} `ERR_TUN_INTERRUPTED` if they changed in every attempt.
   */
  async list(filter: RuleFilter = {}): Promise<Rule[]> {
    return readTable(this.#native, query(filter))
  }

  /**
   * Returns all matching rules as a stream, without holding all of them in memory.
   *
   * The iterator ends with `ERR_TUN_INTERRUPTED` if the rules changed during the read.
   */
  stream(filter: RuleFilter = {}): AsyncGenerator<Rule, void, undefined> {
    return streamTable(this.#native, query(filter))
  }

  /**
   * Adds a rule.
   *
   * @throws {TunError} `ERR_TUN_EXISTS` if an identical rule exists.
   */
  async add(rule: RuleSpec): Promise<void> {
    await this.#pipeline.submit(toOperation('addRule', rule))
  }

  /**
   * Deletes the one rule that has all given properties. Give at least one in addition to the family. A property
   * whose value is `undefined` is refused; a rule as `list()` returned it is accepted.
   *
   * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if several rules match.
   * @throws {TunError} `ERR_TUN_NOT_FOUND` if no rule matches.
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
