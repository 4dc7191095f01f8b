import test from 'ava'
import { rootTest } from '../support/skip.ts'
import { soakPeers } from '../support/soak/peers.ts'
import { leaks } from '../support/soak/resources.ts'

const SECONDS = 15

rootTest('counters add up and nothing leaks while 50 peers come and go', async (t) => {
  t.timeout(180_000)
  const { problems, changes, echoed, accounts } = await soakPeers(SECONDS)
  t.deepEqual(problems, [])
  t.true(
    Object.values(changes).every((count) => count > 0),
    'every kind of change was made',
  )
  t.true(echoed > 1000)
  // Each peer, all peers, and the relay with its interface and with all spokes.
  t.is(accounts, 53)
})

test('resources that have grown too much are named', (t) => {
  const before = { descriptors: 80, threads: 12, memory: 100 << 20 }
  t.deepEqual(leaks(before, { descriptors: 82, threads: 13, memory: 120 << 20 }), [])
  t.deepEqual(leaks(before, { descriptors: 99, threads: 33, memory: 400 << 20 }), [
    'descriptors: 80 at first, 99 at the end',
    'threads: 12 at first, 33 at the end',
    'memory: 104857600 at first, 419430400 at the end',
  ])
})
