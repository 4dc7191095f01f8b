import { TAP_ONLY_OPTIONS, TUN_OPTIONS } from '../../lib/device/optionTable.ts'
import { CREATE, FEATURES, LIST, REMOVE } from '../../lib/persistent/options.ts'
import { RELAY } from '../../lib/relay/optionTable.ts'
import type { OptionDescription, OptionTable } from '../../lib/options/table.ts'
import { sentencesOf, wrap } from './text.ts'

const COMMENT_WIDTH = 112

interface Declaration {
  readonly name: string
  readonly about: string
  readonly table: OptionTable
  readonly extends?: string
}

const DECLARATIONS: readonly Declaration[] = [
  {
    name: 'RelayOptions',
    about: 'The options of {@link startRelay}; the program has them under the same names.',
    table: RELAY.table,
  },
  {
    name: 'TunOptions',
    about:
      'The options of {@link openTun}. docs/devices.md has the flag and the `ip` command of each.',
    table: TUN_OPTIONS.table,
  },
  {
    name: 'TapOptions',
    about: 'The options of {@link openTap}.',
    table: TAP_ONLY_OPTIONS.table,
    extends: 'TunOptions',
  },
  {
    name: 'PersistentOptions',
    about: 'The options of {@link createPersistent}.',
    table: CREATE.table,
  },
  { name: 'RemoveOptions', about: 'The options of {@link removePersistent}.', table: REMOVE.table },
  { name: 'ListOptions', about: 'The options of {@link listDevices}.', table: LIST.table },
  { name: 'FeatureOptions', about: 'The options of {@link features}.', table: FEATURES.table },
]

const HEAD = `// Written by \`npm run generate\` from the tables of options (lib/*/optionTable.ts, lib/persistent/options.ts): change those.
import type { DeviceOffload } from '../device/optionTable.ts'
import type { ListenOptions } from '../relay/ends.ts'
import type { QueueDescriptors } from '../relay/handover/descriptors.ts'
import type { RelayPeer } from '../relay/peers/options.ts'
import type { Offload } from '../check/offload.ts'
`

/** Returns the declarations of all tables. */
export function declarations(): string {
  return [HEAD, ...DECLARATIONS.map(declare)].join('\n')
}

function declare({ name, about, table, extends: base }: Declaration): string {
  const properties = Object.entries<OptionDescription>(table).map(
    ([property, description]) => `${comment(description)}${property}${typeOf(description)}\n`,
  )
  const head = base === undefined ? name : `${name} extends ${base}`
  return `/** ${about} */\nexport interface ${head} {\n${properties.join('')}}\n`
}

function typeOf({ form, isRequired }: OptionDescription): string {
  if (isRequired) return `: ${form.type}`
  return `?: ${form.type} | undefined`
}

function comment(description: OptionDescription): string {
  const lines = wrap(description.declaration ?? sentencesOf(description), COMMENT_WIDTH)
  const [only] = lines
  if (lines.length === 1) return `/** ${only ?? ''} */\n`
  return ['/**', ...lines.map((line) => ` * ${line}`), ' */\n'].join('\n')
}
