import test from 'ava'
import { schedule } from '../../bench/run/schedule.ts'

test('a round has every scenario with every peer once, and begins with another one', (t) => {
  const turns = schedule(['tcp', 'rtt'], ['a', 'b', 'c'], 4)
  const order = turns.map(({ scenario, round, peer }) => `${scenario}${round}${peer}`)
  t.deepEqual(order, [
    ...['tcp0a', 'tcp0b', 'tcp0c', 'rtt0a', 'rtt0b', 'rtt0c'],
    ...['tcp1b', 'tcp1c', 'tcp1a', 'rtt1b', 'rtt1c', 'rtt1a'],
    ...['tcp2c', 'tcp2a', 'tcp2b', 'rtt2c', 'rtt2a', 'rtt2b'],
    ...['tcp3a', 'tcp3b', 'tcp3c', 'rtt3a', 'rtt3b', 'rtt3c'],
  ])
})

test('without peers there is nothing to run', (t) => {
  t.deepEqual(schedule(['tcp'], [], 3), [])
})
