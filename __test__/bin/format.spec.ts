import test from 'ava'
import { formatBytes, formatDuration, formatStats } from '../../bin/tun2udp/format.ts'
import { FAKE_STATS } from '../support/fakeBinding.ts'
import type { PathMtu } from '../../index.ts'

const bytes: [number, string][] = [
  [0, '0 byte'],
  [999, '999 byte'],
  [1000, '1 kB'],
  [1550, '1.6 kB'],
  [999_949, '999.9 kB'],
  [1e6, '1 MB'],
  [123_456_789, '123.5 MB'],
  [1e9, '1 GB'],
  [1e12, '1 TB'],
  [1e15, '1 PB'],
  [1e18, '1,000 PB'],
]

for (const [amount, text] of bytes) {
  test(`${amount} bytes are ${text}`, (t) => {
    t.is(formatBytes(amount), text)
  })
}

const durations: [number, string][] = [
  [0, '0 s'],
  [40, '0 s'],
  [500, '0.5 s'],
  [59_900, '59.9 s'],
  [60_000, '1 min 0 s'],
  [125_999, '2 min 5 s'],
  [3_600_000, '1 h 0 min'],
  [90_061_000, '1 d 1 h'],
  [8_640_000_000, '100 d 0 h'],
]

for (const [milliseconds, text] of durations) {
  test(`${milliseconds} ms are ${text}`, (t) => {
    t.is(formatDuration(milliseconds), text)
  })
}

const PATH = { outside: 1400, inside: 1372 }
const paths: [PathMtu | undefined, string][] = [
  [undefined, ''],
  [{ ...PATH, source: 'start' }, ''],
  [{ ...PATH, source: 'route' }, "; path MTU 1400, inside 1372, reported by this machine's route"],
  [
    { ...PATH, source: 'router', router: '2001:db8::fe' },
    '; path MTU 1400, inside 1372, reported by 2001:db8::fe',
  ],
]

for (const [pathMtu, expected] of paths) {
  test(`a path MTU from ${pathMtu?.source ?? 'nowhere'} is ${expected ? 'printed' : 'not printed'}`, (t) => {
    const { offload, outbound, inbound } = FAKE_STATS
    const stats = { offload, outbound, inbound }
    const line = formatStats(pathMtu === undefined ? stats : { ...stats, pathMtu })
    t.is(line.slice(line.lastIndexOf(')') + 1), expected)
  })
}
