import { randomInt } from 'node:crypto'
import { sameTest } from '../../support/tunctl.ts'

/** Cases of a few calls each, one after the other: each call finds the objects that the previous one left. */
const CASES = 24
const CALLS = 4

const WORDS = [
  ...['-b', '-t', '-d', '-f', '-u', '-g', '-t', '-d', '-u', '-b', '-x', '-h', '-', '--', ''],
  ...['-bt', '-bbt', '-tvpn0', '-dvpn0', '-tx', '-ubin', '-g7', '-u-5', '-f/dev/net/tun', '-b-'],
  ...['vpn0', 'vpn%d', 'tap%d', '%d', 'lo', 'a/b', 'tä', 'abcdefghijklmnopqr'],
  ...['root', 'nobody', 'nogroup', '5', '0x1f', '-1', '010', '09', ' 7', '4294967295'],
  ...['/dev/net/tun', '/dev/null', '/nowhere', '--foo', '99999999999999999999'],
]

/** Returns random words, mostly few. Some of them form valid calls together. */
function randomWords(): string[] {
  const length = randomInt(randomInt(1, 8))
  return Array.from({ length }, () => WORDS[randomInt(WORDS.length)] ?? '')
}

for (let index = 0; index < CASES; index++) {
  const calls = Array.from({ length: CALLS }, () => {
    const words = randomWords().map((word) => `'${word}'`)
    return ['tunctl', ...words, '&& echo yes || echo no'].join(' ')
  })
  // The title contains the calls, so that any failing case can be repeated, and so that each title is unique.
  sameTest(`: ${index + 1}; ${calls.join('; ')}`)
}
