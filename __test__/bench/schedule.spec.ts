import test from 'ava'
import { schedule } from '../../bench/run/schedule.ts'

test('each round of a scenario has every peer once, and begins with another one', (t) => {
  const turns = schedule(['tcp', 'rtt'], ['a', 'b', 'c'], 4)
  const order = turns.map(({ scenario, round, peer }) => `${scenario}${round}${peer}`).join(' ')
  const rounds = (scenario: string) =>
    ['0a 0b 0c', '1b 1c 1a', '2c 2a 2b', '3a 3b 3c']
      .flatMap((round) => round.split(' '))
      .map((turn) => scenario + turn)
  t.is(order, [...rounds('tcp'), ...rounds('rtt')].join(' '))
})

test('without peers there is nothing to run', (t) => {
  t.deepEqual(schedule(['tcp'], [], 3), [])
})
