import test from 'ava'
import fc from 'fast-check'
import { formatBytes, formatDuration, formatStats } from '../../bin/tun2udp/format.ts'
import { formatNumber } from '../../lib/formatNumber.ts'
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

test('numbers and bytes are formatted as Intl does in English', (t) => {
  const numbers = new Intl.NumberFormat('en')
  const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
  const units = ['kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte']
  fc.assert(
    fc.property(
      fc.maxSafeNat(),
      fc.nat(59_999),
      fc.integer({ min: 1, max: 15 }),
      (n, ms, digits) => {
        t.is(formatNumber(n), numbers.format(n))
        t.is(formatDuration(ms), `${tenths.format(ms / 1000)} s`)
        const bytes = 1000 + (n % 10 ** digits)
        const step = Math.floor(Math.log10(bytes) / 3)
        const unit = new Intl.NumberFormat('en', {
          ...{ style: 'unit', unit: units[step - 1] ?? '', maximumFractionDigits: 1 },
        })
        t.is(formatBytes(bytes), unit.format(bytes / 1000 ** step))
      },
    ),
  )
  // Halves are rounded up.
  for (let bytes = 1050; bytes < 999_950; bytes += 100)
    t.is(formatBytes(bytes), `${tenths.format(bytes / 1000)} kB`)
})

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
