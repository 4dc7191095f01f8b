import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import test from 'ava'
import { parse as parseJsonc } from 'jsonc-parser'
import { RELAY } from '../../../lib/relay/optionTable.ts'
import { checkPeers } from '../../../lib/relay/peers/options.ts'
import { checkOptions } from '../../../lib/relay/options.ts'
import { blocksOf } from '../../support/docs/markdown.ts'
import { ROOT } from '../../support/docs/root.ts'
import { HEAD, problemOf } from '../../support/config.ts'

interface Schema {
  properties: Record<string, unknown>
  definitions: Record<string, { properties: Record<string, unknown> }>
}

const SCHEMA = JSON.parse(readFileSync(`${ROOT}contrib/tun2udp.schema.json`, 'utf8')) as Schema
const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(SCHEMA)

/** Whether a file is valid by the schema, which knows less than the checks. */
const isValid = (file: unknown) => validate(file)

test('the schema has every option of the table that a file can have', (t) => {
  const properties = Object.keys(SCHEMA.properties).filter((name) => name !== '$schema')
  const names = Object.keys(RELAY.table).filter((name) => !['signal', 'descriptors'].includes(name))
  t.true(names.length > 15)
  t.deepEqual(properties, names)
})

test('the schema has the properties of a peer and of listen', (t) => {
  const known = (work: () => unknown) => {
    const { message } = t.throws(work)
    return /expected one of ([\w, ]+)/u.exec(message)?.[1]?.split(', ').sort()
  }
  const propertiesOf = (name: string) => Object.keys(SCHEMA.definitions[name]?.properties ?? {})
  t.deepEqual(
    known(() => checkPeers('peers', [{ '?': 1 }])),
    propertiesOf('RelayPeer').sort(),
  )
  const wrong = { addresses: ['10.0.0.1'], listen: { '?': 1 } }
  t.deepEqual(
    known(() => checkOptions(wrong)),
    propertiesOf('ListenOptions').sort(),
  )
})

test('the examples of the documents are valid', (t) => {
  const blocks = ['docs/configuration.md', 'docs/systemd.md'].flatMap((page) =>
    blocksOf(page).flatMap(({ text }) => [...text.matchAll(/^\{\n(?:.*\n)*?^\}$/gmu)]),
  )
  const manual = readFileSync(`${ROOT}man/tun2udp.conf.5`, 'utf8')
  const [example] = /^\{\n(?:.*\n)*?^\}$/mu.exec(manual) ?? []
  const files = [...blocks.map(([text]) => text), example ?? '']
  t.true(files.length >= 4)
  for (const file of files) {
    t.true(isValid(parseJsonc(file, [], { allowTrailingComma: true })), file)
    t.is(problemOf(file), '')
  }
})

const VALID = [
  '"mtu": 1400, "queues": "auto", "routes": true',
  '"queues": 4, "mssClamp": "off", "offload": ["tso"]',
  '"offload": false, "family": 6, "netns": 7, "dscp": "inherit"',
  '"listen": "::", "routes": ["10.0.0.0/8", "default"]',
]
const INVALID = [
  '"mtuu": 1400',
  '"mtu": 1',
  '"queues": "all"',
  '"routes": false',
  '"accept": "all"',
  '"offload": true',
  '"family": 5',
  '"listen": { "adress": "::" }',
  '"netns": null',
  '"dscp": 64',
  '"signal": null',
  '"descriptors": []',
  '"descriptors": [{ "device": 3, "sockets": [4] }]',
]

for (const text of [...VALID, ...INVALID]) {
  test(`the schema and the check agree on ${text}`, (t) => {
    const peers = '"peers": [{ "endpoint": "b:1", "allowedPrefixes": ["10.9.0.2"] }]'
    const file = `{ "addresses": ["10.9.0.1/24"], "receivePort": 1, ${peers}, ${text} }`
    t.is(isValid(JSON.parse(file)), VALID.includes(text))
    t.is(problemOf(file) === '', VALID.includes(text), problemOf(file))
  })
}

test('a peer is checked by the schema too', (t) => {
  const file = (peer: object) => ({ addresses: ['10.9.0.1'], receivePort: 1, peers: [peer] })
  t.true(isValid(file({ endpoint: ['b:1', { address: '::1', port: 1 }], followPort: true })))
  t.false(isValid(file({})))
  t.false(isValid(file({ endpoint: 'b:1', allowedPrefix: [] })))
  t.false(isValid(file({ endpoint: 'b:1', keepaliveSeconds: -1 })))
  t.is(problemOf(`${HEAD} "mtu": 1400 }`), '')
})
