import { createPersistent } from '../../../index.ts'
import { PROGRAM, startProgram } from '../program.ts'
import { type AdviceRoom, adviceCases } from './room.ts'

/** Runs the program with options that are refused with the advice, and then with others until it is ready. */
async function expectProgram(
  { t, netns, advised }: AdviceRoom,
  refused: readonly string[],
  ...accepted: readonly string[][]
): Promise<void> {
  const operands = ['10.9.0.1/24', '5001', '0']
  const { status, stderr } = await startProgram([...operands, ...refused], { netns }).ended
  t.not(status, 0)
  advised(stderr)
  for (const options of accepted) {
    const program = startProgram([...operands, ...options], { netns })
    await program.until('stdout', /^ready: /u)
    t.is((await program.end()).status, 0)
  }
}

/** Runs its arguments in a user and a network namespace where users and groups 0 and 1 are mapped. */
const MAPPED = `
import ctypes, os, sys
inside, outside = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    if ctypes.CDLL(None).unshare(0x50000000) != 0: os._exit(1)
    os.write(inside[1], b'x')
    os.read(outside[0], 1)
    os.execv(sys.argv[1], sys.argv[1:])
os.read(inside[0], 1)
for file in 'uid_map', 'gid_map':
    with open(f'/proc/{child}/{file}', 'w') as map: map.write('0 0 2')
os.write(outside[1], b'x')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))`

/** Runs the program in namespaces of its own until it is ready; returns its output. */
async function runInUserNamespace(
  { namespace }: AdviceRoom,
  prefix: readonly string[],
  ...options: readonly string[]
): Promise<string> {
  const script = `
    import { spawn } from 'node:child_process'
    const child = spawn(process.execPath, ${JSON.stringify([PROGRAM, '10.9.0.1/24', '5001', '0', ...options])}, {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    child.stdout.on('data', (data) => {
      process.stdout.write(data)
      child.kill()
    })
    child.on('close', (status) => process.exit(status ?? 1))`
  return namespace.run(...prefix, process.execPath, '--input-type=module', '-e', script)
}

/** Returns the messages of the program, which is refused. */
async function refusedInUserNamespace(
  room: AdviceRoom,
  ...how: Parameters<typeof runInUserNamespace> extends [unknown, ...infer Rest] ? Rest : never
): Promise<string> {
  return runInUserNamespace(room, ...how).catch(
    (error: unknown) => (error as { stderr: string }).stderr,
  )
}

export const PROGRAM_CASES = adviceCases([
  {
    advice: 'give it as USER:GROUP',
    run: async (room) => {
      await expectProgram(room, ['--user', '4000000000'], ['--user', '4000000000:4000000000'])
    },
  },
  {
    advice: 'give a name of "{command}", or a number',
    tools: ['getent'],
    run: async (room) => {
      const { namespace, t } = room
      const first = async (database: string) => {
        const [name = ''] = (await namespace.run('getent', database, '65534')).split(':')
        return name
      }
      t.is(await first('passwd'), 'nobody')
      const group = await first('group')
      await expectProgram(room, ['--user', 'no-such-user'], ['--user', 'nobody'])
      const [right, number] = [`nobody:${group}`, '65534:65534']
      await expectProgram(room, ['--user', 'nobody:no-such'], ['--user', right], ['--user', number])
    },
  },
  {
    advice: 'leave out --user, or use a new interface name',
    run: async (room) => {
      await createPersistent({ netns: room.netns, mode: 'tun', name: 'old0' })
      await expectProgram(
        room,
        ['--name', 'old0', '--user', 'nobody'],
        ['--name', 'old0'],
        ['--name', 'new0', '--user', 'nobody'],
      )
    },
  },
  {
    advice: 'it needs {} over {object}: run it as root',
    of: '--user',
    tools: ['setpriv'],
    run: async ({ t, netns, namespace, advised }) => {
      const program = [process.execPath, PROGRAM]
      const args = [...program, '10.9.0.1/24', '5001', '0', '--user', 'nobody']
      const without = ['--bounding-set', '-setuid,-setgid', '--inh-caps', '-setuid,-setgid']
      const refused = namespace.run('setpriv', ...without, ...args)
      const { stderr } = (await t.throwsAsync(refused)) as unknown as { stderr: string }
      advised(stderr)
      t.regex(stderr, /CAP_SETUID over the user namespace/u)
      const running = startProgram(args.slice(2), { netns })
      await running.until('stdout', /^ready: /u)
      t.is((await running.end()).status, 0)
    },
  },
  {
    advice:
      'the user namespace that this process is in forbids setgroups(2) (/proc/self/setgroups): leave out --user',
    tools: ['unshare'],
    run: async (room) => {
      const { t, advised } = room
      advised(await refusedInUserNamespace(room, ['unshare', '-Urn'], '--user', 'nobody'))
      t.regex(await runInUserNamespace(room, ['unshare', '-Urn']), /^ready: /u)
    },
  },
  {
    advice:
      'the user namespace that this process is in does not map that user or group: use numbers of /proc/self/uid_map and gid_map',
    tools: ['python3'],
    run: async (room) => {
      const { t, advised } = room
      const prefix = ['python3', '-c', MAPPED]
      advised(await refusedInUserNamespace(room, prefix, '--user', 'nobody'))
      t.regex(await runInUserNamespace(room, prefix, '--user', '1:1'), /^ready: /u)
    },
  },
])
