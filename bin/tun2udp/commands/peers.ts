import { type Command, InvalidArgumentError, Option } from 'commander'
import type { PeerState } from '../../../index.ts'
import { TunError } from '../../../lib/errors.ts'
import { type Column, formatColumns, printable } from '../control/columns.ts'
import { lastHeard } from '../control/peer.ts'
import { formatEndpoint } from '../../../lib/relay/info.ts'
import { print } from '../print.ts'
import { parseWith } from '../parse.ts'
import { STATUS } from '../status.ts'
import { NAME, describeCommand, hintOf, requestOne, runClient } from './describe.ts'

/** The options of the actions, by the names of the parser. */
interface Options {
  readonly name?: string
  readonly endpoint?: readonly string[]
  readonly allow?: readonly string[]
  readonly keepalive?: number
  readonly followPort?: boolean | 'auto'
  readonly json?: true
}

/** An action on the peers of a relay. */
interface Action {
  readonly purpose: string
  readonly options: readonly Option[]
  /** Returns the text to print. */
  readonly run: (relay: string | undefined, options: Options) => Promise<string>
}

const NAME_OF_PEER = new Option('--name <name>', 'name of the peer')
const ENDPOINT = repeatable('--endpoint <host:port>', 'where datagrams to the peer go')
const ALLOW = repeatable('--allow <cidr>', 'inner network of the peer')
const OTHERS: readonly Option[] = [
  new Option('--keepalive <seconds>', 'interval of keepalives; 0: none').argParser(seconds),
  new Option('--follow-port <yes|no|auto>', 'whether a new port of the peer is used').argParser(
    followPort,
  ),
]

const ACTIONS: Readonly<Record<string, Action>> = {
  list: {
    purpose: 'Lists the peers of a relay.',
    options: [new Option('--json', 'print the peers as one JSON array')],
    run: async (relay, { json }) => {
      const { peers } = (await requestOne(relay, 'peers.list')) as { peers: PeerState[] }
      if (json) return `${JSON.stringify(peers)}\n`
      return `${formatColumns(COLUMNS, peers).map(printable).join('\n')}\n`
    },
  },
  add: {
    purpose: 'Adds a peer. Without --name its name is its first endpoint.',
    options: [NAME_OF_PEER, required(ENDPOINT), required(ALLOW), ...OTHERS],
    run: async (relay, { name, ...others }) => {
      const peer = { ...(name === undefined ? {} : { name }), ...propertiesOf(others) }
      await requestOne(relay, 'peers.add', { peer })
      return `added ${name ?? others.endpoint?.[0] ?? ''}\n`
    },
  },
  set: {
    purpose: 'Changes a peer. What is not given stays as it is.',
    options: [required(NAME_OF_PEER), ENDPOINT, ALLOW, ...OTHERS],
    run: async (relay, { name = '', ...others }) => {
      const changes = propertiesOf(others)
      if (Object.keys(changes).length === 0) {
        const expected = 'an option to change, such as --endpoint, --allow or --keepalive'
        throw new TunError(`change the peer ${JSON.stringify(name)}: expected ${expected}`, {
          code: 'ERR_TUN_INVALID_ARGUMENT',
          subject: name,
        })
      }
      await requestOne(relay, 'peers.set', { name, changes })
      return `changed ${name}\n`
    },
  },
  remove: {
    purpose: 'Removes peers.',
    options: [required(repeatable('--name <name>', 'name of a peer'))],
    run: async (relay, { name }) => {
      const names = [name ?? []].flat()
      await requestOne(relay, 'peers.remove', { names })
      return `removed ${names.join(', ')}\n`
    },
  },
}

/** Lists or changes the peers of a relay. A reload of a configuration file replaces the changes. */
export async function run([word = '', ...args]: readonly string[]): Promise<number> {
  const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined
  if (!action) return print(helpOrRefuse([word, ...args].filter((one) => one !== '')))
  const name = `peers ${word}`
  const command = describeCommand(name, action.purpose).argument(...NAME)
  // The table is made once, and a parser changes its options.
  for (const option of action.options) command.addOption(option)
  return runClient(name, command, args, async ([relay], options) =>
    print({
      stdout: await action.run(relay, options),
      stderr: '',
      status: STATUS.success,
    }),
  )
}

/** Returns the help of the command, or the error of arguments without an action. */
function helpOrRefuse(args: readonly string[]) {
  const command = describeOverview()
  const printed = parseWith(command, args, hintOf('peers'))
  if (printed) return printed
  const given = args[0] === undefined ? 'missing' : `unknown: ${JSON.stringify(args[0])}`
  const names = Object.keys(ACTIONS).join(', ')
  const stderr = `tun2udp: the action is ${given}; expected one of ${names}; ${hintOf('peers')}\n`
  return { stdout: '', stderr, status: STATUS.usage }
}

function describeOverview(): Command {
  const lines = Object.entries(ACTIONS).map(
    ([name, { purpose }]) => `  ${name.padEnd(8)}${purpose}`,
  )
  return describeCommand('peers', 'Lists or changes the peers of a running relay.')
    .usage('list|add|set|remove [name] [options]')
    .argument('[operands...]')
    .configureHelp({ visibleArguments: () => [] })
    .addHelpText('after', `\nActions, each with a --help:\n${lines.join('\n')}`)
}

/** Returns the properties of a peer in the library. */
function propertiesOf({ endpoint, allow, keepalive, followPort }: Options): object {
  return {
    ...(endpoint && { endpoint: endpoint.length === 1 ? endpoint[0] : endpoint }),
    ...(allow && { allowedPrefixes: allow }),
    ...(keepalive === undefined ? {} : { keepaliveSeconds: keepalive }),
    ...(followPort === undefined ? {} : { followPort }),
  }
}

const FOLLOW_PORT = new Map<string, boolean | 'auto'>([
  ['yes', true],
  ['no', false],
  ['auto', 'auto'],
])

const COLUMNS: readonly Column<PeerState>[] = [
  { title: 'PEER', text: ({ name }) => name },
  { title: 'ENDPOINT', text: ({ endpoint }) => formatEndpoint(endpoint) },
  { title: 'PREFIXES', text: ({ allowedPrefixes }) => allowedPrefixes },
  {
    title: 'KEEPALIVE',
    text: ({ keepaliveSeconds }) => (keepaliveSeconds > 0 ? `${keepaliveSeconds} s` : ''),
  },
  {
    title: 'FOLLOW PORT',
    text: ({ followPort }) => ({ true: 'yes', false: 'no', auto: 'auto' })[`${followPort}`],
  },
  { title: 'LAST HEARD', text: lastHeard },
]

function repeatable(flag: string, help: string): Option {
  return new Option(flag, `${help} (repeatable)`).argParser(
    (text: string, list?: readonly string[]) => [...(list ?? []), text],
  )
}

function required({ flags, description, parseArg }: Option): Option {
  const option = new Option(flags, description).makeOptionMandatory()
  if (parseArg) option.argParser(parseArg)
  return option
}

function seconds(text: string): number {
  if (/^\d{1,5}$/u.test(text)) return Number(text)
  throw new InvalidArgumentError('expected a whole number')
}

function followPort(text: string): boolean | 'auto' {
  const value = FOLLOW_PORT.get(text)
  if (value !== undefined) return value
  throw new InvalidArgumentError('expected yes, no or auto')
}
