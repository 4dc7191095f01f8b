import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { controlled, startControlled } from '../../support/control.ts'
import { fakeEnvironment } from '../../support/fakeBinding.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { runProgram } from '../../support/program.ts'

const OPERANDS = ['10.0.0.1/24', '5001', '5002']

test('without a relay of the name, a path or one of the listed names leads to it', async (t) => {
  t.timeout(90_000)
  const { path } = await controlled(t)
  const [empty, folder] = [temporaryFolder(t), temporaryFolder(t)]
  const file = join(empty, 'file')
  writeFileSync(file, '')
  const failed = async (advice: string, directory: string, ...args: string[]) => {
    const { status, stderr } = await runProgram(args, { env: { RUNTIME_DIRECTORY: directory } })
    t.is(status, 1, stderr)
    t.true(stderr.endsWith(`; ${advice}\n`), stderr)
  }
  const byPath = 'give the path of --control, which contains a slash'
  await failed(byPath, empty, 'show')
  await failed(byPath, empty, 'show', 'vpn7')
  await failed('give the path of --control', empty, 'show', file)
  await failed('give the path of --control', empty, 'show', `/${'x'.repeat(200)}`)
  t.is((await runProgram(['show', path])).status, 0)
  for (const name of ['a', 'b']) {
    const program = startControlled(t, join(folder, `${name}.sock`))
    await program.until('stdout', /ready/u)
  }
  await failed('give one of them, or a path, which contains a slash', folder, 'show', 'vpn7')
  const env = { RUNTIME_DIRECTORY: folder }
  const several = await runProgram(['metrics'], { env })
  t.regex(several.stderr, /; give the name of one\n$/u)
  t.is((await runProgram(['metrics', 'a'], { env })).status, 0)
})

test('a take-over needs the path of a socket', async (t) => {
  t.timeout(90_000)
  const env = fakeEnvironment()
  const { status, stderr } = await runProgram([...OPERANDS, '--takeover'], { env })
  t.is(status, 2, stderr)
  t.regex(stderr, /; give its path with --control, or the name of the interface with --name\n$/u)
  // __test__/netns/program/takeover.spec.ts follows it.
})
