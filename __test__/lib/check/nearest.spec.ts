import test from 'ava'
import { nearestName } from '../../../lib/check/nearest.ts'

const KNOWN = ['name', 'mtu', 'routes', 'netns', 'addresses', 'highWaterMark', 'up']

const CASES: readonly [given: string, nearest: string | undefined][] = [
  ['mut', 'mtu'],
  ['MTU', 'mtu'],
  ['mt', 'mtu'],
  ['route', 'routes'],
  ['adresses', 'addresses'],
  ['address', 'addresses'],
  ['highwatermark', 'highWaterMark'],
  ['hihgWaterMarks', 'highWaterMark'],
  ['netnss', 'netns'],
  // No name is similar to these.
  ['x', undefined],
  ['', undefined],
  ['on', undefined],
  ['port', undefined],
  ['completelyDifferent', undefined],
]

for (const [given, nearest] of CASES) {
  test(`${JSON.stringify(given)} is most like ${String(nearest)}`, (t) => {
    t.is(nearestName(given, KNOWN), nearest)
  })
}

test('among equally close names the first is taken, and none among none', (t) => {
  t.is(nearestName('nameX', ['nameA', 'nameB']), 'nameA')
  t.is(nearestName('mtu', []), undefined)
})
