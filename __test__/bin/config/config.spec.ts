import test from 'ava'
import { parseConfig } from '../../../bin/tun2udp/config/config.ts'
import { checkUser } from '../../../lib/check/user.ts'
import { resolvePeer } from '../../../lib/relay/resolve.ts'
import { BASE, HEAD, checked, parse, problemOf } from '../../support/config.ts'

test('comments, trailing commas, a byte order mark and $schema are accepted', (t) => {
  const text = `\uFEFF// a hub
    {
      /* for editors */ "$schema": "./tun2udp.schema.json",
      "addresses": ["10.9.0.1/24",], // one
      "receivePort": 5001,
      "peers": [{ "endpoint": "b.example:5001", "allowedPrefixes": ["10.9.0.2/32"], },],
    }`
  t.deepEqual(parse(text), {
    addresses: ['10.9.0.1/24'],
    receivePort: 5001,
    peers: [{ endpoint: 'b.example:5001', allowedPrefixes: ['10.9.0.2/32'] }],
  } as unknown as ReturnType<typeof parse>)
})

const PEER = '{ "name": "b", "endpoint": "b:1", "allowedPrefixes": ["10.9.0.2"] }'

/** A wrong file, and the error without the name of the file. */
const WRONG: readonly [text: string, error: RegExp][] = [
  ['', /^1:1: expected an? .*$/u],
  ['[]', /^1:1: expected an object of options, \{ … \}$/u],
  ['{', /^1:2: expected "\}", or a comma and another option$/u],
  ['{\n  "mtu": 1400\n  "name": "a"\n}', /^3:3: expected a comma$/u],
  ['{\r\n"mtu" 1400}', /^2:7: expected a colon behind the name$/u],
  ['{\rmtu: 1400}', /^2:1: (?:this is not a value of JSON|expected the name of an option.*)$/u],
  ['{ "mtu": }', /^1:10: expected a value$/u],
  ['{ "mtu": 1_400 }', /^1:\d+: /u],
  ['{ "name": "a\\q" }', /^1:11: expected an escape sequence of JSON behind the backslash$/u],
  ['{ "name": "a\n" }', /^1:11: expected the end of the text, a double quote$/u],
  ['{} {}', /^1:4: expected the end of the file behind the last "\}"$/u],
  ['{ /* "a" }', /^1:\d+: /u],
  ['{ "mtu": 1, "mtu": 2 }', /^1:13: "mtu" is here twice$/u],
  [`{ "peers": [{ "endpoint": "a:1", "endpoint": "b:1" }] }`, /^1:34: "endpoint" is here twice$/u],
  [`{ "a": ${'['.repeat(1e5)}`, /^1:39: values are nested deeper than 32 levels$/u],
  [
    `${HEAD}\n  "mtuu": 1400\n}`,
    /^3:3: Invalid property of options "mtuu": .*did you mean mtu\?$/u,
  ],
  [`${HEAD}\n  "__proto__": { "mtu": 1 }\n}`, /^3:3: Invalid property of options "__proto__"/u],
  [`${HEAD}\n  "mtu": 14\n}`, /^3:10: Invalid MTU 14: expected/u],
  [`${HEAD}\n  "mtu": null\n}`, /^3:10: Invalid MTU null: expected/u],
  [`${HEAD}\n  "mtu": 1e400\n}`, /^3:10: Invalid MTU Infinity: expected/u],
  [`${HEAD}\n  "signal": {}\n}`, /^3:13: Invalid signal object: expected/u],
  [
    `${HEAD}\n  "descriptors": [{ "device": 3, "sockets": [4] }]\n}`,
    /^3:3: "descriptors" is not an option of a file: descriptors belong to one process$/u,
  ],
  [`${HEAD}\n  "accept": "all"\n}`, /^3:13: Invalid accept "all": expected "peer" or "any"$/u],
  [
    `${HEAD}\n  "routes": ["10.0.0.0/8",\n "10.0.0.1/8"]\n}`,
    /^4:2: Invalid route "10\.0\.0\.1\/8"/u,
  ],
  [`${HEAD}\n  "offload": ["tso", "x"]\n}`, /^3:14: Invalid offload "tso,x"/u],
  ['{ "addresses": ["10.0.0.1/33"] }', /^1:17: Invalid address "10\.0\.0\.1\/33"/u],
  ['{ "addresses": [] }', /^1:16: Invalid addresses array: expected at least one/u],
  ['{\n "receivePort": 1 }', /^1:1: Invalid addresses undefined/u],
  [
    `{ "addresses": ["10.0.0.1"], "peers": [{ "endpoint": "a:1" }],\n "listen": { "port": 70000 } }`,
    /^2:22: Invalid port 70000/u,
  ],
  [
    `{ "addresses": ["10.0.0.1"], "peers": [{ "endpoint": "a:1" }],\n "listen": { "adress": "::" } }`,
    /^2:14: Invalid property of listen "adress"/u,
  ],
  [
    `${BASE}\n "peers": [\n${PEER},\n{ "endpoint": "c" }] }`,
    /^5:15: Invalid peers\[1\]\.endpoint "c"/u,
  ],
  [
    `${BASE}\n "peers": [\n${PEER},\n  { "nam": "c" }] }`,
    /^5:5: Invalid property of peers\[1\] "nam"/u,
  ],
  [
    `${BASE}\n "peers": [\n${PEER},\n { "name": "c" }] }`,
    /^5:2: Invalid peers\[1\]\.endpoint undef/u,
  ],
  [
    `${BASE}\n "peers": [\n${PEER},\n{ "endpoint": ["c:1", "b:1"], "allowedPrefixes": [] }] }`,
    /^5:23: Invalid peers\[1\]\.endpoint\[1\] "b port 1": .*; peers\[0\] has it too$/u,
  ],
  [
    `${BASE}\n "peers": [\n${PEER},\n{ "endpoint": "c:1", "allowedPrefixes": ["10.9.0.3", "10.9.0.2"] }] }`,
    /^5:54: Invalid peers\[1\]\.allowedPrefixes\[1\] "10\.9\.0\.2\/32"/u,
  ],
  [
    `${BASE}\n "peers": [\n${PEER},\n{ "endpoint": "c:1", "allowedPrefixes": ["10.9.0.1/8"] }] }`,
    /^5:42: Invalid peers\[1\]\.allowedPrefixes\[0\] "10\.9\.0\.1\/8": .*: 10\.0\.0\.0\/8$/u,
  ],
  [`${BASE}\n "sendPort": 1,\n "peers": [${PEER}] }`, /^3:14: Invalid sendPort 1: expected none/u],
]

for (const [number, [text, error]] of WRONG.entries()) {
  test(`wrong (${number}): ${error.source}`, (t) => {
    t.regex(problemOf(text), error)
  })
}

test('an option of the command line replaces that of the file, and is not located in it', (t) => {
  const bytes = Buffer.from(`${HEAD}\n "mtu": 14 }`)
  const options = checked('hub.jsonc', bytes, { mtu: 1400, name: 'vpn0' })
  t.deepEqual([options.mtu, options.name, options.addresses], [1400, 'vpn0', ['10.9.0.1/24']])
  t.throws(() => checked('hub.jsonc', bytes, { mtu: 15 }), { message: /^Invalid MTU 15/u })
})

const TAP = `{ "mode": "tap", "addresses": [], "receivePort": 1, "peers": [{ "endpoint": "b:1" }]`

test('a route without an address is located where it is given', (t) => {
  t.regex(problemOf(`${TAP},\n "routes": ["::/0", "default"] }`), /^2:21: Invalid route "default"/u)
  t.throws(() => checked('hub.jsonc', Buffer.from(`${TAP} }`), { routes: ['default'] }), {
    message: /^Invalid route "default": expected an address/u,
  })
})

test('a peer of the other family is located at `family`, unless the command line has it', async (t) => {
  const family = 6
  const ending = `"receivePort": 1, "addresses": ["10.9.0.1"] }`
  const error = await t.throwsAsync(resolvePeer('192.0.2.2', { family }))
  const message = 'Invalid peer "192.0.2.2": expected an IPv6 address, as family says'
  for (const peer of ['"peers": [{ "endpoint": "192.0.2.2:1" }]', '"peer": "::1", "sendPort": 1']) {
    const given = parseConfig('f', Buffer.from(`{ ${peer},\n"family": 6, ${ending}`))
    t.like(given.locate(error), { message: `f:2:11: ${message}`, cause: error })
    const replaced = parseConfig('f', Buffer.from(`{ ${peer}, ${ending}`), { family })
    t.is(replaced.locate(error), error)
  }
  t.is(error.message, message)
})

test('the user and the group of the command line are not located in the file', (t) => {
  const { locate } = parseConfig('f', Buffer.from(`${HEAD} }`))
  for (const [user, group] of [['a b'], ['a', 'b c']]) {
    const error = t.throws(() => checkUser(user, group), { message: /^Invalid (?:user|group) "/u })
    t.is(locate(error), error)
  }
})

test('a file that is no text in UTF-8, or too large, is refused', (t) => {
  const code = 'ERR_TUN_INVALID_ARGUMENT'
  const parsed = (bytes: Uint8Array) => () => checked('hub.jsonc', bytes)
  t.throws(parsed(Buffer.from([0x7b, 0xff, 0x7d])), { code, message: /: not text in UTF-8$/u })
  t.throws(parsed(new Uint8Array((32 << 20) + 1)), { code, message: /: larger than 32 MiB$/u })
})

test('the properties of a file are its own only', (t) => {
  const { peers } = parse(`${HEAD} "name": "a" }`)
  t.is(Object.getPrototypeOf(peers?.[0]), Object.prototype)
  t.throws(() => parse(`${BASE} "peers": [{ "__proto__": { "endpoint": "a:1" } }] }`), {
    message: /^hub\.jsonc:\d+:\d+: Invalid property of peers\[0\] "__proto__"/u,
  })
})
