import test from 'ava'
import { fakeEnvironment } from '../support/fakeBinding.ts'
import { startProgram } from '../support/program.ts'

/** Further arguments for an address without a prefix, and what the notice names. */
const withoutPrefix: [string, string[], string[]][] = [
  ['10.0.0.1', [], ['10.0.0.1/32', '10.0.0.1/24']],
  ['fd00::1', [], ['fd00::1/128', 'fd00::1/64']],
  ['10.0.0.1', ['--address', '10.0.1.1', '--route', 'fd01::/16'], ['10.0.0.1/32', '10.0.0.1/24']],
  [
    '10.0.0.1/24',
    ['--address', 'fd00::1', '--route', '10.1.0.0/16'],
    ['fd00::1/128', 'fd00::1/64'],
  ],
]
for (const [address, more, [given = '', better = '']] of withoutPrefix) {
  test(`no prefix: a notice for ${address} ${more.join(' ')}`, async (t) => {
    const program = startProgram([address, '5001', '5002', ...more], { env: fakeEnvironment() })
    await program.until('stderr', /\n/u)
    const { stderr } = await program.end()
    const [notice, summary] = stderr.split('\n')
    t.is(
      notice,
      `tun2udp: no prefix given: the interface has ${given} and no route to the other end; write ${better}, or add --route`,
    )
    t.regex(summary ?? '', /^summary: /u)
  })
}

for (const [address, more] of [
  ['10.0.0.1/32', []],
  ['10.0.0.1', ['--route', '10.0.0.0/24']],
  ['10.0.0.1', ['--route', 'default']],
  ['10.0.0.1', ['--address', '10.0.1.1/24']],
  ['fd00::1', ['--route', 'fd01::/16']],
] as const) {
  test(`no notice for ${address} ${more.join(' ')}`, async (t) => {
    const program = startProgram([address, '5001', '5002', ...more], { env: fakeEnvironment() })
    await program.until('stdout', /\n/u)
    t.regex((await program.end()).stderr, /^summary: [^\n]+\n$/u)
  })
}

test('no prefix: an event with --json', async (t) => {
  const program = startProgram(['10.0.0.1', '5001', '5002', '--json'], { env: fakeEnvironment() })
  await program.until('stdout', /"notice"/u)
  const { stdout, stderr } = await program.end()
  t.is(stderr, '')
  t.like(JSON.parse(stdout.split('\n')[1] ?? ''), { event: 'notice', kind: 'no-prefix' })
})
