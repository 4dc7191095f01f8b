import test from 'ava'
import { limitTimeToLive } from '../../../../lib/relay/names/timeToLive.ts'

const DAY = 86_400

for (const [times, expected] of [
  [[0], 5],
  [[4], 5],
  [[5], 5],
  [[30], 30],
  [[300], 300],
  [[301], 300],
  [[3 * DAY], 300],
  [[2_147_483_647], 300],
  [[3 * DAY, 40, 200], 40],
  [[], 60],
] as const) {
  test(`records of ${JSON.stringify(times)} seconds are looked up again after ${expected}`, (t) => {
    t.is(limitTimeToLive(times.map((ttl) => ({ address: '192.0.2.2', ttl }))), expected)
  })
}

test('records without a time to live, as other runtimes return them, have the default', (t) => {
  t.is(limitTimeToLive(['192.0.2.2', { ttl: '7' }, { ttl: Number.NaN }, { ttl: -1 }]), 60)
})
