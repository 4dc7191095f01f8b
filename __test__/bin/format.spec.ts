import test from 'ava'
import { formatBytes, formatDuration } from '../../bin/tun2udp/format.ts'

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
