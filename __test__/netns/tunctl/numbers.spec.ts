import { sameTest } from '../../support/tunctl.ts'

/** Texts that strtol(3) in base 0 converts to an int, and others. */
const NUMBERS = [
  '0',
  '1000',
  '+7',
  '-0',
  '-5',
  '-1',
  '-2',
  '0x10',
  '0XfF',
  '-0x1',
  '+0x1F',
  '0x',
  '0xg',
  '0x 1',
  '00',
  '010',
  '0777',
  '08',
  '0b1',
  '0o7',
  ' 5',
  '\t\n\v\f\r 5',
  '5 ',
  '5x',
  ' ',
  '+',
  '-',
  '--5',
  '- 5',
  '1e3',
  '1.0',
  '1_000',
  '٣',
  '2147483647',
  '2147483648',
  '-2147483648',
  '-2147483649',
  '4294967294',
  '4294967295',
  '4294967296',
  '4294967297',
  '0xffffffff',
  '0xfffffffe',
  '037777777777',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775809',
  '99999999999999999999999999',
  '-99999999999999999999999999',
  '0x7fffffff00000005',
  '',
]

for (const number of NUMBERS) {
  const quoted = `'${number}'`
  sameTest(`tunctl -t t -u ${quoted}; s=$?; tunctl -t g -g ${quoted} || exit; exit $s`)
}

// None, both or one of them.
sameTest('tunctl -t t -u -1 -g -1')
sameTest('tunctl -t t -u 5 -g -1')
sameTest('tunctl -t t -u -1 -g 5')
sameTest('tunctl -t t -u 0x10 -g 010 -b')
