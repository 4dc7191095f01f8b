import test from 'ava'
import { resolvePeer } from '../../../lib/relay/resolve.ts'

test('an address is its own', async (t) => {
  for (const address of ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0', 'fe80::1%br_lan'])
    t.is(await resolvePeer(address), address)
})

test('a name gives an address', async (t) => {
  t.regex(await resolvePeer('localhost'), /^(?:127\.0\.0\.1|::1)$/u)
})

test('a name gives an address of the family of the other end', async (t) => {
  t.is(await resolvePeer('localhost', { listen: '0.0.0.0' }), '127.0.0.1')
})

test('an aborted signal ends it', async (t) => {
  const reason = new Error('enough')
  const error = await t.throwsAsync(resolvePeer('localhost', { signal: AbortSignal.abort(reason) }))
  t.is(error, reason)
})

test('a name gives an address of the family asked for, and a literal must have it', async (t) => {
  t.is(await resolvePeer('localhost', { family: 4 }), '127.0.0.1')
  t.is(await resolvePeer('192.0.2.1', { family: 4 }), '192.0.2.1')
  for (const [peer, family] of [
    ['192.0.2.1', 6],
    ['2001:db8::1', 4],
    ['fe80::1%br_lan', 4],
  ] as const) {
    await t.throwsAsync(resolvePeer(peer, { family }), {
      code: 'ERR_TUN_INVALID_ARGUMENT',
      message: new RegExp(`expected an IPv${family} address`, 'u'),
    })
  }
})
