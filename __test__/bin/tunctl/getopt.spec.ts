import test from 'ava'
import {
  type FoundOption,
  type OptionTable,
  UsageError,
  findOptions,
} from '../../../bin/tunctl/getopt.ts'

const TABLE: OptionTable = {
  program: 'prog',
  letters: 'ab:',
  words: new Map([
    ['--word', false],
    ['--with', true],
  ]),
}

/** Options as `name=argument`, then the operands. */
function find(args: string[], stopsAtOperand = false): [string[], string[]] {
  const found: string[] = []
  const options = findOptions(args, TABLE, stopsAtOperand)
  let next: IteratorResult<FoundOption, string[]> = options.next()
  for (; !next.done; next = options.next()) found.push(`${next.value.name}=${next.value.argument}`)
  return [found, next.value]
}

const found: [args: string[], options: string[], operands: string[]][] = [
  [[], [], []],
  [['-a'], ['a='], []],
  [['-aab', 'x', 'y'], ['a=', 'a=', 'b=x'], ['y']],
  [['-abx', '-bax'], ['a=', 'b=x', 'b=ax'], []],
  [
    ['x', '-a', 'y', '-b', '-a'],
    ['a=', 'b=-a'],
    ['x', 'y'],
  ],
  [['-b', '--', '-a', '--', '-a'], ['b=--', 'a='], ['-a']],
  [['-b', '', '-', ''], ['b='], ['-', '']],
  [
    ['--word', '--with', '--word', '--with=', '--with=a=b'],
    ['--word=', '--with=--word', '--with=', '--with=a=b'],
    [],
  ],
  [['-b', '--word'], ['b=--word'], []],
]

for (const [args, options, operands] of found) {
  test(`found in ${JSON.stringify(args)}`, (t) => {
    t.deepEqual(find(args), [options, operands])
  })
}

test('an operand ends the options where that is asked for', (t) => {
  t.deepEqual(find(['-a', 'x', '-c', '--word'], true), [['a='], ['x', '-c', '--word']])
})

const refused: [args: string[], message: string][] = [
  [['-c'], "prog: invalid option -- 'c'"],
  [['-ac'], "prog: invalid option -- 'c'"],
  [['-:'], "prog: invalid option -- ':'"],
  [['-a-'], "prog: invalid option -- '-'"],
  [['--wor'], "prog: invalid option -- '-'"],
  [['--word='], "prog: invalid option -- '-'"],
  [['--wordy'], "prog: invalid option -- '-'"],
  [['---word'], "prog: invalid option -- '-'"],
  [['-b'], "prog: option requires an argument -- 'b'"],
  [['x', '-ab'], "prog: option requires an argument -- 'b'"],
  [['--with'], "prog: option '--with' requires an argument"],
]

for (const [args, message] of refused) {
  test(`refused: ${JSON.stringify(args)}`, (t) => {
    t.throws(() => find(args), { instanceOf: UsageError, message })
  })
}
