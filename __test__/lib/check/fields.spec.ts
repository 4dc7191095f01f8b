import test from 'ava'
import * as check from '../../../lib/check/fields.ts'
import { TunError } from '../../../lib/errors.ts'
import { LINK_SETTINGS, linkSpecFields } from '../../../lib/netlink/linkFields.ts'

const TAKEN: readonly [string, check.Check, readonly unknown[]][] = [
  ['integer', check.integer(1, 9), [1, 9]],
  ['named', check.named(['up', 'down'], 7), ['up', 'down', 0, 7]],
  ['flag', check.flag, [true, false]],
  ['text', check.text(0, 3), ['', 'abc', 'é']],
  ['ipAddress', check.ipAddress(), ['10.0.0.1', 'fd00::1', '::ffff:1.2.3.4']],
  ['ipAddress of IPv4', check.ipAddress(4), ['10.0.0.1']],
  ['macAddress', check.macAddress, ['02:00:00:00:00:0A', 'ff']],
  ['linkRef', check.linkRef, ['vpn0', 'a-name-of-more-than-15-bytes', 1, 2_147_483_647]],
  ['family', check.family, [4, 6]],
  ['list', check.list(check.flag), [[], [true, false]]],
  ['nested', check.nested({ a: check.flag }), [{}, { a: true }]],
]

for (const [name, one, values] of TAKEN) {
  test(`${name} takes what it should`, (t) => {
    for (const value of values) t.deepEqual(one('thing', value), value)
  })
}

const REFUSED: readonly [string, check.Check, readonly unknown[]][] = [
  ['integer', check.integer(1, 9), [0, 10, 1.5, Number.NaN, '1', 1n, null]],
  ['named', check.named(['up'], 7), ['Up', '', 8, -1, null, true]],
  ['flag', check.flag, [0, 1, 'true', null]],
  ['text', check.text(1, 3), ['', 'abcd', 'éé', 'a\0b', 1, null]],
  ['ipAddress', check.ipAddress(), ['10.1', '010.0.0.1', 'fe80::1%lo', '10.0.0.1/8', '', 1, null]],
  ['ipAddress of IPv6', check.ipAddress(6), ['10.0.0.1']],
  ['macAddress', check.macAddress, ['', '0', '02:', '02-00', '02:00:gg', 2, null]],
  ['linkRef', check.linkRef, ['', 'a/b', 'a b', 0, -1, 1.5, 2 ** 31, null, {}]],
  ['family', check.family, [0, 5, '4', null]],
  ['list', check.list(check.flag), [{}, 'ab', [1], null]],
  ['nested', check.nested({ a: check.flag }), [[], null, { b: 1 }, { a: 1 }, { __proto__x: 1 }]],
]

for (const [name, one, values] of REFUSED) {
  test(`${name} refuses what it should, by name`, (t) => {
    for (const value of values) {
      const error = t.throws<TunError>(() => one('thing', value), { instanceOf: TunError })
      t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
      t.regex(error.message, /^Invalid (?:property of )?(?:thing|a) .+: expected ./u)
    }
  })
}

test('what is undefined is left out, and what is inherited from an object counts', (t) => {
  t.deepEqual(check.checkFields('x', Object.create({ a: true }), { a: check.flag }), { a: true })
  t.deepEqual(check.checkFields('x', { a: undefined }, { a: check.flag }), {})
  const error = t.throws<TunError>(() => check.checkFields('x', { toString: 1 }, {}), {
    instanceOf: TunError,
  })
  t.regex(error.message, /property of x "toString"/u)
})

test('each property is read once, so that what was checked is what is passed on', (t) => {
  let reads = 0
  const given = {
    get a() {
      reads++
      return reads === 1 ? true : 'x'.repeat(reads)
    },
  }
  for (const read of [check.checkFields, check.checkIdentity]) {
    reads = 0
    t.deepEqual(read('x', given, { a: check.flag }), { a: true })
    t.is(reads, 1)
  }
})

test('a delete refuses a property without a value, and says what a mistyped one was to be', (t) => {
  const fields = { priority: check.u32, table: check.u32 }
  const options = { instanceOf: TunError, code: 'ERR_TUN_INVALID_ARGUMENT' }
  t.deepEqual(check.checkIdentity('rule', { priority: 7 }, fields), { priority: 7 })
  for (const given of [{ table: undefined }, Object.create({ table: undefined })]) {
    t.throws(() => check.checkIdentity('rule', given, fields), {
      ...options,
      message: /^Invalid table undefined: expected a value; leave out a property/u,
    })
  }
  t.throws(() => check.checkIdentity('rule', { priorty: 7 }, fields), {
    ...options,
    message:
      'Invalid property of rule "priorty": expected one of priority, table; did you mean priority?',
  })
})

test('a mistyped property of any length is refused at once, with its beginning', (t) => {
  const name = 'x'.repeat(2 ** 28)
  const error = t.throws(() => check.checkFields('x', { [name]: 1 }, { a: check.flag }))
  t.true(error.message.length < 500)
})

test('settings of links are checked each', (t) => {
  const refuse = (settings: object) => {
    t.throws(() => check.checkFields('settings', settings, LINK_SETTINGS), {
      instanceOf: TunError,
      message: /^Invalid /u,
    })
  }
  for (const settings of [
    { mtu: 67 },
    { mtu: '1400' },
    { name: 'a%d' },
    { name: 'sixteen-bytes-xx' },
    { master: '' },
    { addressGenerationMode: 'off' },
    { altNames: ['x'.repeat(128)] },
    { alias: 'x'.repeat(256) },
    { netns: '' },
    { netns: 0 },
    { MTU: 1400 },
  ]) {
    refuse(settings)
  }
  const given = { master: null, mtu: 70_000, netns: 7 }
  t.deepEqual(check.checkFields('settings', given, LINK_SETTINGS), {
    master: 0,
    mtu: 70_000,
    netns: 'pid:7',
  })
})

test('what a link of a kind cannot have is refused', (t) => {
  const fields = (spec: object) => check.checkFields('link', spec, linkSpecFields(spec))
  for (const spec of [
    { kind: 'tun', name: 'x' },
    { name: 'x' },
    { kind: 'bridge', name: 'x', kindData: { id: 1 } },
    { kind: 'bridge', name: 'x', kindData: { ageingTimeMs: 5 } },
    { kind: 'bridge', name: 'x', peer: { name: 'y' } },
    { kind: 'vlan', name: 'x', kindData: { id: 4095 } },
    { kind: 'vxlan', name: 'x', kindData: { id: 2 ** 24 } },
    { kind: 'veth', name: 'x', peer: { name: 'a/b' } },
  ]) {
    t.throws(() => fields(spec), { instanceOf: TunError }, JSON.stringify(spec))
  }
  const vlan = { kind: 'vlan', name: 'x', lower: 'eth0', kindData: { id: 4094 } }
  t.deepEqual(fields(vlan), vlan)
})
