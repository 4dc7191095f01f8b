import test from 'ava'
import type { RelayStats } from '../../index.ts'
import { rootTest } from '../support/skip.ts'
import { problemsOf } from '../support/soak/counters.ts'
import { soak } from '../support/soak/soak.ts'

const SECONDS = 20

rootTest('counters add up while links flap and relays come and go', async (t) => {
  t.timeout(120_000)
  const { problems, flaps, restarts, kills, accounts } = await soak(SECONDS)
  t.deepEqual(problems, [])
  t.true(flaps > 0 && restarts > 0 && kills > 0, 'every mishap happened')
  // Four relays at the end, and those that were restarted before.
  t.is(accounts, restarts + 4)
})

test('a counter that is off by one is found', (t) => {
  const stats = (change: object) =>
    ({
      outbound: {
        packetsRead: 9,
        packetsSplit: 4,
        superPacketsRead: 1,
        datagramsSent: 8,
        repliesWritten: 2,
        dropped: { other: 1 },
      },
      inbound: {
        datagramsReceived: 9,
        packetsWritten: 8,
        packetsJoined: 6,
        superPacketsWritten: 2,
        dropped: { notIp: 1 },
        ...change,
      },
    }) as unknown as RelayStats
  const before = { written: 100, read: 200 }
  t.deepEqual(problemsOf(stats({}), before, { written: 106, read: 206 }), [])
  t.is(problemsOf(stats({}), before, { written: 106, read: 207 }).length, 1)
  t.is(problemsOf(stats({}), before, { written: 105, read: 206 }).length, 1)
  t.is(problemsOf(stats({ dropped: {} }), before, { written: 106, read: 206 }).length, 1)
})
