import test from 'ava'
import { parseInteger } from '../../../bin/tunctl/number.ts'

const numbers: [string, number][] = [
  ['', 0],
  ['0', 0],
  ['-0', 0],
  ['+12', 12],
  ['\t\n\v\f\r 12', 12],
  ['0x10', 16],
  ['-0XfF', -255],
  ['010', 8],
  ['00', 0],
  ['2147483648', -2_147_483_648],
  ['4294967295', -1],
  ['4294967296', 0],
  ['9223372036854775807', -1],
  ['9223372036854775808', -1],
  ['-9223372036854775808', 0],
  ['-99999999999999999999', 0],
  ['0xffffffffffffffffff', -1],
]

for (const [text, value] of numbers) {
  test(`${JSON.stringify(text)} is ${value}`, (t) => {
    t.is(parseInteger(text), value)
  })
}

for (const text of [
  ' ',
  '-',
  '+',
  '0x',
  '08',
  '5 ',
  '5x',
  '--5',
  '- 5',
  '1e3',
  '0b1',
  '\u00A05',
  '٣',
]) {
  test(`${JSON.stringify(text)} is no number`, (t) => {
    t.is(parseInteger(text), undefined)
  })
}
