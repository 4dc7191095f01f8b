import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { readPcapng } from '../../support/capture/pcapng.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { OPERANDS, READY, sendPacket, start } from '../../support/netnsProgram.ts'
import {
  PROGRAM,
  Running,
  cleanEnvironment,
  runProgram,
  startProgram,
} from '../../support/program.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { untilTrue } from '../../support/wait.ts'

const TERMINAL = fileURLToPath(new URL('../../support/screen.py', import.meta.url))

/** Time limit for what is written to a file. */
const LIMIT_MS = 20_000

interface Rig {
  readonly namespace: Namespace
  readonly program: Running
  readonly path: string
  readonly folder: string
}

/** Starts a relay with a control socket. */
async function startRig(t: ExecutionContext): Promise<Rig> {
  t.timeout(90_000)
  const namespace = await withNamespace(t)
  const folder = temporaryFolder(t)
  const path = join(folder, 'a.sock')
  const program = start(t, namespace, [...OPERANDS, '--control', path])
  await program.until('stdout', READY)
  return { namespace, program, path, folder }
}

/** Waits until a file has its first block. */
async function untilFile(file: string): Promise<void> {
  const size = () => statSync(file, { throwIfNoEntry: false })?.size ?? 0
  await untilTrue(`something is in ${file}`, () => size() > 0, LIMIT_MS)
}

/** Waits until a file has packets. */
async function untilPackets(file: string, count: number): Promise<void> {
  const bytes = () =>
    statSync(file, { throwIfNoEntry: false }) ? readFileSync(file) : Buffer.alloc(0)
  const hasAll = () => readPcapng(bytes()).packets.length >= count
  await untilTrue(`${count} packets are in ${file}`, hasAll, LIMIT_MS)
}

/** Returns the UDP packets of the test in a file, by point. */
function own(bytes: Buffer): string[] {
  const { packets } = readPcapng(bytes)
  const isOwn = ({ data }: { data: Buffer }) => data[0] === 0x45
  return packets.filter(isOwn).map(({ point }) => (point === 'udp' ? 'outside' : 'inside'))
}

test('SIGINT ends the file with its statistics, and prints the counts', async (t) => {
  const { namespace, program, path, folder } = await startRig(t)
  const file = join(folder, 'a.pcapng')
  const client = startProgram(['capture', path, file])
  await untilFile(file)
  await sendPacket(namespace)
  await untilPackets(file, 2)
  const { status, stderr } = await client.end('SIGINT')
  t.is(status, 0)
  const bytes = readFileSync(file)
  const { packets, statistics, torn } = readPcapng(bytes)
  t.is(torn, 0)
  t.regex(stderr, new RegExp(`^tun2udp: packets: ${packets.length} captured, 0 left out\\n$`, 'u'))
  t.is(
    statistics.reduce((sum, [received = 0]) => sum + received, 0),
    packets.length,
  )
  t.deepEqual(own(bytes), ['inside', 'outside'])
  t.is(statSync(file).mode & 0o777, 0o600)
  const again = await runProgram(['capture', path, file])
  t.is(again.status, 1)
  t.regex(again.stderr, /it exists; choose another name, or add --overwrite\n$/u)
  t.is((await program.end()).status, 0)
})

test('stdout gets the first block at once, and a reader that is gone ends the capture', async (t) => {
  const { namespace, program, path } = await startRig(t)
  const client = spawn(process.execPath, [PROGRAM, 'capture', path, '-', '--inside'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => client.kill('SIGKILL'))
  client.stderr.resume()
  const ended = new Promise((resolve) => client.once('exit', resolve))
  const first = await new Promise<Buffer>((resolve) => client.stdout.once('data', resolve))
  t.is(first.readUInt32LE(0), 0x0a0d0d0a)
  client.stdout.destroy()
  await sendPacket(namespace)
  t.is(await ended, 0)
  t.is((await program.end()).status, 0)
})

test('a capture is not written to a terminal', async (t) => {
  if (!hasTools(t, 'python3')) return
  const { namespace, path, folder } = await startRig(t)
  const run = async (...args: string[]) => {
    const command = [TERMINAL, '200', '20', process.execPath, PROGRAM, 'capture', path, ...args]
    const child = spawn('python3', command, {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    return new Running(child).ended
  }
  const { stdout } = await run('-')
  t.regex(
    stdout.replaceAll('\r', ''),
    /^tun2udp: Invalid file "-": .* stdout, which is a terminal; write "tun2udp capture - \| wireshark -k -i -", or name a file; see `tun2udp capture --help`\n\nended 2\n$/u,
  )
  const file = join(folder, 'named.pcapng')
  const named = run(file, '--count', '1')
  await untilFile(file)
  await sendPacket(namespace)
  t.regex((await named).stdout, /1 captured, .*\s+ended 0/u)
})

test('a relay that ends, and a client that is killed, leave files that can be read', async (t) => {
  const { namespace, program, path, folder } = await startRig(t)
  const [killed, ended] = [join(folder, 'killed.pcapng'), join(folder, 'ended.pcapng')]
  const clients = [killed, ended].map((file) => startProgram(['capture', path, file]))
  await Promise.all([untilFile(killed), untilFile(ended)])
  await sendPacket(namespace)
  await Promise.all([untilPackets(killed, 2), untilPackets(ended, 2)])
  await clients[0]?.end('SIGKILL')
  t.deepEqual(own(readFileSync(killed)), ['inside', 'outside'])
  t.is((await program.end('SIGKILL')).status, null)
  t.is((await clients[1]?.ended)?.status, 0)
  t.deepEqual(own(readFileSync(ended)), ['inside', 'outside'])
})

test('points, filter, snap length, count and ring', async (t) => {
  const { namespace, path, folder } = await startRig(t)
  const file = (name: string) => join(folder, name)
  // Protocol 17 of IPv4, or all.
  writeFileSync(file('udp.bpf'), '4\n48 0 0 9\n21 0 1 17\n6 0 0 100\n6 0 0 0\n')
  const all = '1\n6 0 0 262144\n'
  const runs = [
    ['--outside', '--snap-length', '40', file('outside')],
    ['--inside', '--filter', all, file('inside')],
    ['--count', '1', '--filter', file('udp.bpf'), file('count')],
    ['--ring', '200k,2', file('ring.pcapng')],
  ].map((args) => startProgram(['capture', path, ...args]))
  await Promise.all(
    ['outside', 'inside', 'count', 'ring_00001.pcapng'].map(async (name) => untilFile(file(name))),
  )
  await sendPacket(namespace)
  t.is((await runs[2]?.ended)?.status, 0, runs[2]?.stderr)
  t.is(readPcapng(readFileSync(file('count'))).packets.length, 1)
  await Promise.all([untilPackets(file('outside'), 1), untilPackets(file('inside'), 1)])
  for (const run of runs.filter((_, number) => number !== 2)) {
    t.is((await run.end('SIGTERM')).status, 0)
  }
  const outside = readPcapng(readFileSync(file('outside')))
  t.deepEqual(outside.interfaces, ['udp'])
  t.true(outside.packets.every(({ data }) => data.length <= 40))
  t.deepEqual(readPcapng(readFileSync(file('inside'))).interfaces.length, 1)
  t.true(readdirSync(folder).includes('ring_00001.pcapng'))
})

test('wrong arguments are refused with one line, and leave no file', async (t) => {
  const { path, folder } = await startRig(t)
  const file = join(folder, 'never')
  const before = readdirSync(folder)
  for (const [args, message] of [
    [
      [],
      /^tun2udp: the file is missing; expected a path, or - for stdout; see `tun2udp capture --help`$/mu,
    ],
    [[path], /this is a relay: write "tun2udp capture .*a\.sock FILE"/u],
    [
      [path, file, '--snap-length', '0'],
      /--snap-length "0": expected a whole number from 1 to 262144/u,
    ],
    [[path, file, '--snap-length', '262145'], /--snap-length "262145"/u],
    [[path, file, '--snap-length', 'x'], /--snap-length .*whole number/u],
    [[path, file, '--count', '0'], /--count "0": expected a whole number from 1/u],
    [[path, file, '--count', '-1'], /--count "-1"/u],
    [[path, file, '--filter', 'tcp port 80'], /tcpdump -y RAW -ddd/u],
    [[path, file, '--ring', '100M'], /SIZE,NUMBER/u],
    [[path, file, '--ring', '1k,2'], /at least 131072/u],
    [[path, '-', '--ring', '1M,2'], /ring/u],
    [[join(folder, 'no.sock'), file], /no such socket/u],
    [[path, join(folder, 'no', 'folder')], /write the capture to/u],
  ] as const) {
    const { status, stderr } = await runProgram(['capture', ...args])
    t.true(status === 1 || status === 2, `${args.join(' ')}: ${String(status)}`)
    t.regex(stderr, message)
    t.is(stderr.trimEnd().split('\n').length, 1, stderr)
  }
  t.deepEqual(readdirSync(folder), before)
})

/** Sends packets both ways as fast as it can: 15,000 to the peer, whose socket it is too, and as many from the peer. */
const FLOOD = (port: string) => `
const { createSocket } = require('node:dgram')
const inner = Buffer.alloc(1400)
inner.set([0x45, 0, 1400 >> 8, 1400 & 255, 0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 0, 2, 10, 9, 0, 1])
inner.set([0, 7, 0, 9, 1380 >> 8, 1380 & 255, 0, 0], 20)
let sum = 0
for (let at = 0; at < 20; at += 2) sum += inner.readUInt16BE(at)
inner.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 10)
const [peer, inside] = [createSocket('udp4'), createSocket('udp4')]
peer.bind(5001, '127.0.0.1', async () => {
  const send = (socket, bytes, port, address) =>
    new Promise((resolve) => socket.send(bytes, port, address, resolve))
  for (let count = 0; count < 15000; count += 50) {
    await Promise.all(Array.from({ length: 50 }, () => Promise.all([
      send(inside, inner, 9, '10.9.0.2'),
      send(peer, inner, ${port}, '127.0.0.1'),
    ])))
  }
  peer.close()
  inside.close()
})`

interface Shown {
  readonly stats: {
    readonly outbound: Record<string, number> & { readonly dropped: Record<string, number> }
    readonly inbound: Record<string, number> & { readonly dropped: Record<string, number> }
  }
}

/** Returns the packets that pass each point, by the counters of a relay in which nothing moves any more. */
async function passed(path: string): Promise<{ inside: number; outside: number }> {
  let before = ''
  for (;;) {
    const { stdout } = await runProgram(['show', path, '--json'])
    const { outbound, inbound } = (JSON.parse(stdout) as Shown).stats
    const now = JSON.stringify([outbound, inbound])
    if (now === before) {
      const of = (counters: Record<string, unknown>, ...names: readonly string[]) =>
        names.reduce((sum, name) => sum + Number(counters[name] ?? Number.NaN), 0)
      const drops = (counters: object) => Object.keys(counters)
      const { dropped } = outbound
      const sent = of(outbound, 'datagramsSent') + of(dropped, ...drops(dropped))
      const written =
        of(inbound, 'packetsWritten') +
        of(inbound.dropped, 'interfaceDown', 'noBuffers', 'rejected', 'closing')
      const outside =
        of(outbound, 'datagramsSent', 'keepalivesSent') +
        of(inbound, 'datagramsReceived', 'keepalivesReceived')
      return { inside: sent + written, outside }
    }
    before = now
    await sleep(200)
  }
}

test('at full load the packets in the file and those left out are the counters of the relay', async (t) => {
  const { namespace, program, path, folder } = await startRig(t)
  const port = READY.exec(program.stdout)?.[2] ?? ''
  const file = join(folder, 'load.pcapng')
  const before = await passed(path)
  const client = startProgram(['capture', path, file], { timeoutMs: 80_000 })
  await untilFile(file)
  const flooding = namespace.run(process.execPath, '-e', FLOOD(port))
  // A client that stops reads nothing, so that packets are left out.
  client.child.kill('SIGSTOP')
  await flooding
  const after = await passed(path)
  client.child.kill('SIGCONT')
  const { status, stderr } = await client.end('SIGINT')
  t.is(status, 0, stderr)
  const { packets, interfaces, statistics, torn } = readPcapng(readFileSync(file))
  t.is(torn, 0)
  const [inside = [], outside = []] = statistics
  t.is(inside[0], after.inside - before.inside)
  t.is(outside[0], after.outside - before.outside)
  t.true(after.inside - before.inside > 15_000, `${after.inside} packets`)
  for (const [number, [received = 0, dropped = 0]] of statistics.entries()) {
    const own = packets.filter(({ point }) => point === interfaces[number])
    t.is(own.length + dropped, received, interfaces[number])
  }
  const leftOut = (inside[1] ?? 0) + (outside[1] ?? 0)
  t.true(leftOut > 0)
  t.is(stderr, `tun2udp: packets: ${packets.length} captured, ${leftOut} left out\n`)
})

test('a name of a relay is not a file, and a full disk behind stdout is an error', async (t) => {
  const { namespace, path, folder } = await startRig(t)
  const env = { RUNTIME_DIRECTORY: folder }
  const named = await runProgram(['capture', 'a', '--count', '1'], { env })
  t.is(named.status, 2)
  t.regex(named.stderr, /^tun2udp: Invalid file "a": .*write "tun2udp capture a FILE"/u)
  const full = openSync('/dev/full', 'w')
  const client = spawn(process.execPath, [PROGRAM, 'capture', path, '-'], {
    stdio: ['ignore', full, 'pipe'],
  })
  t.teardown(() => client.kill('SIGKILL'))
  closeSync(full)
  let stderr = ''
  client.stderr?.on('data', (chunk) => (stderr += String(chunk)))
  const ended = new Promise((resolve) => client.once('close', resolve))
  await sendPacket(namespace)
  t.is(await ended, 1)
  t.regex(stderr, /^tun2udp: write the capture to stdout: ENOSPC.*\n$/u)
})

test('tcpdump reads a capture of one point from a pipe', async (t) => {
  if (!hasTools(t, 'tcpdump')) return
  const { namespace, path } = await startRig(t)
  const client = spawn(process.execPath, [PROGRAM, 'capture', path, '-', '--inside'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const reader = spawn('tcpdump', ['-n', '-l', '-r', '-'], {
    stdio: [client.stdout, 'pipe', 'pipe'],
  })
  t.teardown(() => [client, reader].map((child) => child.kill('SIGKILL')))
  // It prints this once it has read the first blocks, which the relay writes when it captures.
  await new Promise<void>((resolve) => {
    reader.stderr.on('data', (chunk) => {
      if (String(chunk).includes('reading from file')) resolve()
    })
  })
  const line = new Promise<string>((resolve) => {
    let text = ''
    reader.stdout.on('data', (chunk) => {
      text += String(chunk)
      if (/ IP .* UDP, length /u.test(text)) resolve(text)
    })
  })
  await sendPacket(namespace)
  t.regex(await line, / IP 10\./u)
})
