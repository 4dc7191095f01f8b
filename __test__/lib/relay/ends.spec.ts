import test from 'ava'
import { checkOptions } from '../../../lib/relay/options.ts'

/** Returns the options for the native layer, and the peer. */
function checkEnds(ends: object): object {
  const { native, peer } = checkOptions({ addresses: ['10.0.0.1'], ...ends })
  const { addresses, ...both } = native
  return addresses.length === 1 ? { ...both, peer } : native
}

const peers = [{ endpoint: { address: 'vpn.example', port: 5001 } }]

test('both forms come to the same', (t) => {
  const expected = { peer: 'vpn.example', sendPort: 5001, receivePort: 5002, listen: '::' }
  const short = { peer: 'vpn.example', sendPort: 5001, receivePort: 5002, listen: '::' }
  t.deepEqual(checkEnds(short), expected)
  t.deepEqual(checkEnds({ peers, listen: { address: '::', port: 5002 } }), expected)
  t.deepEqual(checkEnds({ peers, listen: '::', receivePort: 5002 }), expected)
})

test('what is absent has its default', (t) => {
  t.deepEqual(checkEnds({ sendPort: 1, receivePort: 2 }), {
    peer: '127.0.0.1',
    sendPort: 1,
    receivePort: 2,
  })
  t.deepEqual(checkEnds({ peers, listen: {} }), {
    peer: 'vpn.example',
    sendPort: 5001,
    receivePort: 0,
  })
})

const REFUSED: readonly [ends: object, message: RegExp][] = [
  [{ peers, sendPort: 1, receivePort: 1 }, /^Invalid sendPort 1: expected none beside peers/u],
  [{ peers, peer: 'a', receivePort: 1 }, /^Invalid peer "a": expected none beside peers/u],
  [{ peers, listen: { port: 1 }, receivePort: 1 }, /^Invalid receivePort 1: expected none beside/u],
  [{ peers: [], receivePort: 1 }, /^Invalid peers array: expected at least one peer$/u],
  [{ peers: 'a', receivePort: 1 }, /^Invalid peers "a": expected an array of peers/u],
  [{ peers, listen: { adress: '::' } }, /^Invalid property of listen "adress"/u],
  [{ peers, listen: { address: 'localhost' } }, /^Invalid listen "localhost"/u],
  [{ peers, listen: { port: -1 } }, /^Invalid port -1/u],
  [{ peers, listen: null }, /^Invalid listen null/u],
  [{ peers }, /^Invalid receivePort undefined/u],
]

for (const [ends, message] of REFUSED) {
  test(`refused: ${JSON.stringify(ends)}`, (t) => {
    t.throws(() => checkEnds(ends), { code: 'ERR_TUN_INVALID_ARGUMENT', message })
  })
}
