import type { ExecutionContext } from 'ava'
import { startRelay } from '../../../index.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { OPERANDS, start } from '../../support/netnsProgram.ts'
import { assertPing } from '../../support/ping.ts'
import type { Running } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'
import { FAR, NEAR, withTunnel } from '../../support/tunnel.ts'

/** Addresses of the far end that the near end does not allow. */
const FORGED = ['10.9.0.66', 'fd09::66']

/** Returns an event that the program printed with `--json`. */
function event(program: Running, kind: string): Record<string, unknown> | undefined {
  const events = program.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return events.find((value) => value['event'] === kind)
}

/** Returns what ping(8) prints about packets that get no reply. */
async function pingInVain(namespace: Namespace, ...args: string[]): Promise<string> {
  const command = ['ping', '-c', '3', '-i', '0.2', '-W', '1', ...args]
  return namespace.run('sh', '-c', `${command.join(' ')} || true`)
}

/** Starts the program at the near and at the far end of a tunnel, the near one with these options. */
async function withPrograms(t: ExecutionContext, ...options: string[]) {
  const underlay = await withNamespace(t)
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  const run = async (inside: Namespace, args: string[]) => {
    const program = start(t, underlay, [...args, '--netns', inside.name, '--json'])
    await program.until('stdout', /"ready"[^\n]*\n/u)
    return program
  }
  const forged = FORGED.flatMap((address) => ['--address', address])
  const farProgram = await run(far, [
    FAR[0] ?? '',
    '5001',
    '5002',
    ...forged,
    '--address',
    FAR[1] ?? '',
  ])
  const nearProgram = await run(near, [
    NEAR[0] ?? '',
    '5002',
    '5001',
    '--address',
    NEAR[1] ?? '',
    ...options,
  ])
  return { near, far, nearProgram, farProgram }
}

test('--allow: a forged source is dropped and counted, and what is allowed passes, in both families', async (t) => {
  const { near, far, nearProgram } = await withPrograms(
    t,
    ...['--allow', '10.9.0.2', '--allow', 'fd09::2/128'],
  )
  await assertPing(t, near, '10.9.0.2')
  await assertPing(t, near, 'fd09::2')
  for (const [source, to] of [
    ['10.9.0.66', '10.9.0.1'],
    ['fd09::66', 'fd09::1'],
  ] as const) {
    t.regex(await pingInVain(far, '-I', source, to), /3 packets transmitted, 0 received/u, source)
  }
  // A packet to no prefix is answered inside.
  t.regex(await pingInVain(near, '10.9.0.66'), /Destination Host Unreachable/u)
  t.regex(await pingInVain(near, 'fd09::66'), /Destination unreachable: No route/u)
  const { status } = await nearProgram.end()
  t.is(status, 0)
  const { inbound, outbound } = event(nearProgram, 'summary') as {
    inbound: { dropped: { foreignPrefix: number } }
    outbound: { dropped: { noPeer: number }; repliesWritten: number }
  }
  // The kernel's own packets, such as router solicitations, may be among them.
  t.true(inbound.dropped.foreignPrefix >= 6, JSON.stringify(inbound))
  t.true(outbound.dropped.noPeer >= 6, JSON.stringify(outbound))
  t.true(outbound.repliesWritten >= 6, JSON.stringify(outbound))
})

test('without --allow every source and destination passes', async (t) => {
  const { near, far, nearProgram } = await withPrograms(t)
  for (const address of FORGED) await assertPing(t, near, address)
  await assertPing(t, far, '10.9.0.1')
  await nearProgram.end()
  t.like(event(nearProgram, 'summary'), {
    inbound: { dropped: { foreignPrefix: 0 } },
    outbound: { dropped: { noPeer: 0 } },
  })
})

test('allowedPrefixes in the library, also with a whole family', async (t) => {
  const { near, far, nearRelay } = await withTunnel(t, {
    ends: [NEAR, [...FAR, ...FORGED]],
    allowedPrefixes: ['10.9.0.0/24', '10.9.0.66/32', 'fd00::/8'],
  })
  await assertPing(t, far, '10.9.0.1')
  await assertPing(t, near, 'fd09::66')
  const before = nearRelay.stats().outbound.dropped.noPeer
  await near.run('ip', 'route', 'add', '10.10.0.0/16', 'dev', nearRelay.info.interface.name)
  t.regex(await pingInVain(near, '10.10.0.1'), /Destination Host Unreachable/u)
  t.is(nearRelay.stats().outbound.dropped.noPeer, before + 3)
})

test('--accept any on all addresses is reported, with and without --json', async (t) => {
  const namespace = await withNamespace(t)
  const args = [...OPERANDS, '--accept', 'any']
  const open = start(t, namespace, [...args, '--listen', '0.0.0.0'])
  await open.until('stdout', /ready/u)
  t.regex((await open.end()).stderr, /datagrams from any address are accepted on all addresses/u)
  const json = start(t, namespace, [...args, '--listen', '0.0.0.0', '--json'])
  await json.until('stdout', /"ready"/u)
  await json.end()
  t.regex(json.stdout, /"open-to-any"/u)
  const closed = start(t, namespace, args)
  await closed.until('stdout', /ready/u)
  t.notRegex((await closed.end()).stderr, /any address/u)
})

test('a prefix that is not one is refused before anything is changed', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, [...OPERANDS, '--allow', '10.9.0.1/24'])
  await program.until('stderr', /\n/u)
  const { status, stderr } = await program.end()
  t.is(status, 2)
  t.regex(stderr, /10\.9\.0\.1\/24.*without host bits/u)
  await t.throwsAsync(
    startRelay({
      addresses: ['10.9.0.1/24'],
      sendPort: 1,
      receivePort: 0,
      allowedPrefixes: ['fd09::1/64'],
    }),
    { code: 'ERR_TUN_INVALID_ARGUMENT', message: /fd09::1\/64/u },
  )
})
