import { randomInt } from 'node:crypto'
import { sameTest } from '../../support/tunctl.ts'

/** Cases, each of a few calls one after the other: what one leaves behind the next one finds. */
const CASES = 24
const CALLS = 4

const WORDS = [
  ...['-b', '-t', '-d', '-f', '-u', '-g', '-t', '-d', '-u', '-b', '-x', '-h', '-', '--', ''],
  ...['-bt', '-bbt', '-tvpn0', '-dvpn0', '-tx', '-ubin', '-g7', '-u-5', '-f/dev/net/tun', '-b-'],
  ...['vpn0', 'vpn%d', 'tap%d', '%d', 'lo', 'a/b', 'tä', 'abcdefghijklmnopqr'],
  ...['root', 'nobody', 'nogroup', '5', '0x1f', '-1', '010', '09', ' 7', '4294967295'],
  ...['/dev/net/tun', '/dev/null', '/nowhere', '--foo', '99999999999999999999'],
]

/** Words, mostly few, of which some make sense together. */
function randomWords(): string[] {
  const length = randomInt(randomInt(1, 8))
  return Array.from({ length }, () => WORDS[randomInt(WORDS.length)] ?? '')
}

for (let index = 0; index < CASES; index++) {
  const calls = Array.from({ length: CALLS }, () => {
    const words = randomWords().map((word) => `'${word}'`)
    return ['tunctl', ...words, '&& echo yes || echo no'].join(' ')
  })
  // The title holds the calls, so that whatever fails can be run again, and is like no other.
  sameTest(`: ${index + 1}; ${calls.join('; ')}`)
}
