import test from 'ava'
import fc from 'fast-check'
import { TunError } from '../../../index.ts'
import { RELAY } from '../../../lib/relay/optionTable.ts'
import { checked } from '../../support/config.ts'

/** A file that has all kinds of values. */
const VALID = `// A hub.
{
  "addresses": ["10.9.0.1/24", "fd09::1/64"], /* two */
  "listen": { "address": "::", "port": 5001 },
  "mtu": 1400, "queues": "auto", "offload": ["tso", "gro"], "routes": true,
  "peers": [
    { "name": "b", "endpoint": "b.example:5001", "allowedPrefixes": ["10.9.0.2/32"], },
    { "name": "c\\u00e9", "endpoint": ["[2001:db8::1]:1", { "address": "192.0.2.1", "port": 2 }],
      "allowedPrefixes": ["fd20::/64", "0.0.0.0/0"], "keepaliveSeconds": 25, "followPort": true },
  ],
}
`

/** Asserts that bytes are options, or that there is one error on one line, with a place in the file if it is text. */
function isHandled(bytes: Uint8Array): boolean {
  try {
    return checked('f', bytes).addresses.length > 0
  } catch (error) {
    if (!(error instanceof TunError)) throw error
    const place = /^f:(?<line>\d+):(?<column>\d+): [^\n\r]+$/u.exec(error.message)?.groups
    if (!place) return error.message === 'read the configuration file f: not text in UTF-8'
    const lines = Buffer.from(bytes)
      .toString()
      .split(/\r\n|\n|\r/u)
    const line = lines[Number(place['line']) - 1]
    return line !== undefined && Number(place['column']) <= line.length + 1
  }
}

const RUNS = { numRuns: 2000 }

test('arbitrary bytes and text are options or one error', (t) => {
  t.true(isHandled(Buffer.from(VALID)))
  t.is(checked('f', Buffer.from(VALID)).peers?.length, 2)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), isHandled), RUNS)
  const text = fc.string({ unit: 'grapheme', maxLength: 200 })
  fc.assert(
    fc.property(text, (one) => isHandled(Buffer.from(one))),
    RUNS,
  )
  const tokens = fc.constantFrom(...'{}[]:,"/*\\\n\r 01e-.ntf'.split(''), '"mtu"', '//', '/*', '*/')
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 60 }), (all) => isHandled(Buffer.from(all.join('')))),
    RUNS,
  )
  t.pass()
})

test('a file with bytes replaced, removed or added is options or one error', (t) => {
  const original = Buffer.from(VALID)
  const edit = fc.record({
    at: fc.nat(original.length),
    removed: fc.nat(12),
    added: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom(...'{}[],:"\\/*'.split('')).map((char) => Buffer.from(char)),
    ),
  })
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      let bytes = original
      for (const { at, removed, added } of edits) {
        bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + removed)])
      }
      return isHandled(bytes)
    }),
    RUNS,
  )
  t.pass()
})

test('any values of any options are options or one error', (t) => {
  const name = fc.oneof(
    fc.constantFrom(...Object.keys(RELAY.table), 'endpoint', 'allowedPrefixes', '__proto__'),
    fc.string(),
  )
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('10.9.0.1/24', 'b.example:5001', '::', true, 1400, 'auto'),
    fc.array(fc.constantFrom('10.9.0.1/24', 'b:1', 'tso'), { maxLength: 3 }),
    fc.array(fc.dictionary(name, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }), { maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 6 }), (options) => {
      const base = { addresses: ['10.9.0.1/24'], receivePort: 1, peers: [{ endpoint: 'b:1' }] }
      return (
        isHandled(Buffer.from(JSON.stringify(options))) &&
        isHandled(Buffer.from(JSON.stringify({ ...base, ...options }, undefined, 1)))
      )
    }),
    RUNS,
  )
  t.pass()
})

test('options survive a file, whatever their order and the blanks around them', (t) => {
  const peers = fc.uniqueArray(fc.nat(255), { minLength: 1, maxLength: 20 }).map((numbers) =>
    numbers.map((number) => ({
      name: `peer ${number}`,
      endpoint: `192.0.2.${number}:${number + 1}`,
      allowedPrefixes: [`10.0.${number}.0/24`],
      keepaliveSeconds: number,
    })),
  )
  fc.assert(
    fc.property(peers, fc.nat(8), (list, indent) => {
      const options = { peers: list, receivePort: 5001, addresses: ['10.9.0.1/24'] }
      const text = JSON.stringify(options, undefined, indent).replaceAll('\n', ' // x\r\n')
      const read = checked('f', Buffer.from(text))
      return JSON.stringify(read) === JSON.stringify(options)
    }),
    { numRuns: 200 },
  )
  t.pass()
})
