import test from 'ava'
import { Backoff } from '../../../../lib/relay/names/backoff.ts'

test('pauses double up to the limit, and begin again after a success', (t) => {
  const backoff = new Backoff(5, 60)
  const pauses = () => Array.from({ length: 6 }, () => backoff.next())
  t.deepEqual(pauses(), [5, 10, 20, 40, 60, 60])
  backoff.reset()
  t.deepEqual(pauses(), [5, 10, 20, 40, 60, 60])
})
