import test from 'ava'
import { chooseAddress } from '../../../../lib/relay/names/choose.ts'

const PRESENT = '192.0.2.2'

test('the present address is kept wherever it is in the answer, so that rotating answers move nothing', (t) => {
  const others = ['192.0.2.7', '2001:db8::7', '192.0.2.8']
  for (let at = 0; at <= others.length; at++) {
    const addresses = others.toSpliced(at, 0, PRESENT)
    t.is(chooseAddress(addresses, { present: PRESENT }).address, PRESENT)
  }
  t.is(chooseAddress(['::ffff:192.0.2.2', '192.0.2.7'], { present: PRESENT }).address, PRESENT)
})

test('otherwise the first address of the present family, and then of the other one', (t) => {
  const choose = (addresses: string[], present = PRESENT, family?: 4 | 6) =>
    chooseAddress(addresses, { present, family }).address
  t.is(choose(['2001:db8::7', '192.0.2.8', '192.0.2.7']), '192.0.2.8')
  t.is(choose(['192.0.2.8', '2001:db8::7'], '2001:db8::2'), '2001:db8::7')
  t.is(choose(['2001:db8::8', '2001:db8::7']), '2001:db8::8')
  t.is(choose(['2001:db8::8', '192.0.2.8'], PRESENT, 4), '192.0.2.8')
  t.deepEqual(chooseAddress(['2001:db8::8'], { present: PRESENT, family: 4 }), { refused: [] })
  t.is(choose(['fe80::7%2'], 'fe80::2%2'), 'fe80::7%2')
})

for (const [address, reason] of [
  ['0.0.0.0', /^expected the address of one host, not an unspecified one$/u],
  ['::', /unspecified/u],
  ['224.0.0.1', /multicast/u],
  ['ff02::1', /multicast/u],
  ['255.255.255.255', /broadcast/u],
  ['::ffff:0.0.0.0', /unspecified/u],
  ['fe80::1', /link-local/u],
  ['127.0.0.1', /^it is a loopback address, and the present one is not$/u],
  ['127.9.9.9', /loopback/u],
  ['::1', /loopback/u],
  ['::ffff:127.0.0.1', /loopback/u],
] as const) {
  test(`${address} is refused with the reason, and another address is used`, (t) => {
    const { refused, ...none } = chooseAddress([address], { present: PRESENT })
    t.deepEqual(none, {})
    t.is(refused.length, 1)
    t.regex(refused[0]?.reason ?? '', reason)
    t.is(chooseAddress([address, '192.0.2.7'], { present: PRESENT }).address, '192.0.2.7')
  })
}

test('a loopback peer may change to another loopback address only', (t) => {
  const choose = (address: string) => chooseAddress([address], { present: '127.0.0.1' })
  t.is(choose('127.0.0.2').address, '127.0.0.2')
  t.is(choose('::1').address, '::1')
  t.regex(choose('192.0.2.2').refused[0]?.reason ?? '', /not a loopback address/u)
})
