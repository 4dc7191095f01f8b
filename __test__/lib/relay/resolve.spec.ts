import test from 'ava'
import { resolvePeer } from '../../../lib/relay/resolve.ts'

test('an address is its own', async (t) => {
  for (const address of ['192.0.2.1', '2001:db8::1', 'fe80::1%eth0'])
    t.is(await resolvePeer(address), address)
})

test('a name gives an address', async (t) => {
  t.regex(await resolvePeer('localhost'), /^(?:127\.0\.0\.1|::1)$/u)
})

test('a name gives an address of the family of the other end', async (t) => {
  t.is(await resolvePeer('localhost', '0.0.0.0'), '127.0.0.1')
})

test('an aborted signal ends it', async (t) => {
  const reason = new Error('enough')
  const error = await t.throwsAsync(resolvePeer('localhost', undefined, AbortSignal.abort(reason)))
  t.is(error, reason)
})
