import { OFFLOADS } from '../../lib/check/offload.ts'
import type { OptionDescription } from '../../lib/options/table.ts'
import { RELAY } from '../../lib/relay/optionTable.ts'
import { sentencesOf } from './text.ts'

type Schema = Readonly<Record<string, unknown>>

const TEXTS: Schema = { type: 'array', items: { type: 'string' } }
const PORT: Schema = { type: 'integer', minimum: 1, maximum: 65_535 }

const ENDPOINT: Schema = {
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      properties: { address: { type: 'string' }, port: PORT },
      required: ['address', 'port'],
      additionalProperties: false,
    },
  ],
}

/** The types of options that are not of JavaScript itself. A test compares their properties with the checks. */
const TYPES: Readonly<Record<string, Schema>> = {
  Offload: { enum: OFFLOADS },
  ListenOptions: {
    type: 'object',
    properties: {
      address: {
        description:
          'Local address of the socket. Default: loopback for loopback peers, otherwise the wildcard.',
        type: 'string',
      },
      port: {
        description: 'UDP port. Default: 0, the kernel chooses.',
        type: 'integer',
        minimum: 0,
        maximum: 65_535,
      },
    },
    additionalProperties: false,
  },
  RelayPeer: {
    type: 'object',
    properties: {
      name: {
        description: 'Name that identifies the peer. Default: the text of its first endpoint.',
        type: 'string',
        minLength: 1,
        maxLength: 64,
      },
      endpoint: {
        description:
          'Destination of datagrams: HOST:PORT, with an IPv6 address in brackets. An array has several. With keepalives, the next one is used after three silent intervals; without, only if the kernel reports that the present one refuses datagrams or cannot be reached.',
        anyOf: [ENDPOINT, { type: 'array', items: ENDPOINT, minItems: 1, maxItems: 16 }],
      },
      allowedPrefixes: {
        description:
          'Inner networks of the peer, NETWORK[/PREFIX]. Required with several peers. Default for a single peer: everything.',
        ...TEXTS,
      },
      keepaliveSeconds: {
        description: 'Interval of keepalives, seconds; 0: none. Default: 0.',
        type: 'integer',
        minimum: 0,
        maximum: 65_535,
      },
      followPort: {
        description:
          'Whether datagrams go to another port that the peer sends from, because a NAT has changed it: always, never, or with auto if the peer has sent from the port of its endpoint or has sent a keepalive. The port of a single peer with only an endpoint and a name is never followed. Default: auto.',
        enum: [true, false, 'auto'],
      },
    },
    required: ['endpoint'],
    additionalProperties: false,
  },
}

/** The types of options that a file cannot have: they are of a process. */
const OF_PROCESS: readonly string[] = ['AbortSignal', 'readonly QueueDescriptors[]']
const isOfFile = ({ form }: OptionDescription) => !OF_PROCESS.includes(form.type)

/** The options that a configuration file can have, by name. */
export const FILE_OPTIONS: readonly (readonly [string, OptionDescription])[] =
  Object.entries<OptionDescription>(RELAY.table).filter(([, description]) => isOfFile(description))

/** Returns the JSON Schema of the configuration file. */
export function schema(): string {
  const options = FILE_OPTIONS.map(([name, description]): [string, Schema] => [
    name,
    { description: describe(description), ...ofType(description) },
  ])
  const required = FILE_OPTIONS.filter(([, { isRequired }]) => isRequired).map(([name]) => name)
  return JSON.stringify({
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Configuration file of tun2udp',
    description: 'Written by `npm run generate` from lib/relay/optionTable.ts: change that.',
    type: 'object',
    properties: { $schema: { type: 'string' }, ...Object.fromEntries(options) },
    required,
    additionalProperties: false,
    definitions: TYPES,
  })
}

function describe(description: OptionDescription): string {
  return (description.declaration ?? sentencesOf(description)).replaceAll('`', '')
}

/** Converts the type of TypeScript that a form has, with the range of its numbers. */
function ofType({ form }: OptionDescription): Schema {
  const kinds = form.type.split(' | ').map((kind) => ofKind(kind, form.range))
  const words = kinds.filter((kind) => 'const' in kind).map((kind) => kind['const'])
  const others = kinds.filter((kind) => !('const' in kind))
  const all = words.length > 0 ? [...others, { enum: words }] : others
  const [only] = all
  return only && all.length === 1 ? only : { anyOf: all }
}

/** The constants in types: `'auto'`, `true`, `4`. */
const CONSTANT = /^(?:'(?<word>[^']*)'|true|false|\d+)$/u

function ofKind(kind: string, range: readonly [number, number] | undefined): Schema {
  const list = /^readonly (?<element>\w+)\[\]$/u.exec(kind)?.groups?.['element']
  if (list !== undefined) return { type: 'array', items: ofKind(list, undefined) }
  if (kind in TYPES) return { $ref: `#/definitions/${kind}` }
  if (kind === 'number') return { type: 'integer', ...rangeOf(range) }
  if (kind === 'string' || kind === 'boolean') return { type: kind }
  const constant = CONSTANT.exec(kind)
  if (constant) return { const: constant.groups?.['word'] ?? (JSON.parse(kind) as unknown) }
  throw new Error(`the type ${kind} has no schema: add it to scripts/generate/schema.ts`)
}

function rangeOf(range: readonly [number, number] | undefined): Schema {
  return range ? { minimum: range[0], maximum: range[1] } : {}
}
