import { Held } from '../lane/held.ts'
import { Namespace } from '../lane/namespace.ts'
import { type Context, FAR, NEAR, script, startReader } from './programs.ts'
import { type Runner, measure } from './measure.ts'
import type { Entry, Measured } from './results.ts'

/** Bytes of the IPv4 and UDP headers. */
const HEADER_BYTES = 28
const PATIENCE_MS = 60_000
const PORT = '9'
/** Bytes of payload of the datagrams of round trips. */
const RTT_BYTES = '36'

/** How long and how often is measured. */
export interface Plan {
  readonly rounds: number
  /** Length of a transfer or of round trips, seconds. */
  readonly seconds: number
  readonly floodSeconds: number
}

const by = (reference: string, least?: number) => ({
  reference,
  ...(least === undefined ? {} : { bound: { least } }),
})

function drained(perPacket: number, batches: number): Entry[] {
  return [
    { id: 'c', title: 'C, read()' },
    { id: 'packet', title: 'for await, a packet', ...by('c', perPacket) },
    { id: 'packetReuse', title: 'packets({ reuse })', ...by('c') },
    { id: 'batch', title: 'batches()', ...by('c', batches) },
    { id: 'packed', title: 'packedBatches()', ...by('c') },
    { id: 'c-header', title: 'C, read(), vnet header' },
    { id: 'packet-offload', title: 'for await, offload', ...by('c-header') },
    { id: 'batch-offload', title: 'batches(), offload', ...by('c-header') },
  ]
}

const ECHO: readonly Entry[] = [
  { id: 'c-echo', title: 'C, read() and write()' },
  { id: 'write', title: 'for await, await write()', ...by('c-echo') },
  { id: 'tryWrite', title: 'for await, tryWrite()', ...by('c-echo', 0.68) },
  { id: 'writeBatch', title: 'batches(), await writeBatch()', ...by('c-echo') },
  { id: 'tryWriteBatch', title: 'batches(), tryWriteBatch()', ...by('c-echo', 0.85) },
  { id: 'writePacked', title: 'packedBatches(), await writePacked()', ...by('c-echo') },
  { id: 'tryWritePacked', title: 'packedBatches(), tryWritePacked()', ...by('c-echo', 0.95) },
]

const NPM: readonly Entry[] = [
  { id: 'stream', title: 'a stream of fs over the descriptor' },
  { id: 'stream-default', title: 'the same, reads of 64 KiB', ...by('stream') },
  { id: 'c', title: 'C, read()', ...by('stream') },
  { id: 'appium', title: 'appium-ios-tuntap, read() by polling', ...by('stream') },
  { id: 'packet', title: 'tun2udp, for await', ...by('stream', 30) },
  { id: 'batch', title: 'tun2udp, batches()', ...by('stream', 30) },
  { id: 'packed', title: 'tun2udp, packedBatches()', ...by('stream', 30) },
]

/** Thousands of packets per second, from a queue that was filled before. */
export function drain(
  context: Context,
  { rounds }: Plan,
  what: 'drain64' | 'drain1400' | 'echo64' | 'npm64',
): Promise<Measured> {
  const bytes = what === 'drain1400' ? 1400 : 64
  const [title, entries] = {
    drain64: ['Drained, 64 B', drained(0.73, 0.8)] as const,
    drain1400: ['Drained, 1400 B', drained(0.57, 0.62)] as const,
    echo64: ['Echo, 64 B', ECHO] as const,
    npm64: ['Other packages of npm, 64 B, drained', NPM] as const,
  }[what]
  const figure = { id: what, title, unit: 'kpackets/s', entries: present(entries, context) }
  return measure(figure, (id) => openDrain(id, context, bytes), rounds)
}

function present(entries: readonly Entry[], { appium }: Context): Entry[] {
  return entries.filter(({ id }) => id !== 'appium' || appium !== undefined)
}

async function openDrain(id: string, context: Context, bytes: number): Promise<Runner> {
  // A stream takes some forty times as long a packet.
  const count = (bytes > 500 ? 100_000 : 200_000) / (id.startsWith('stream') ? 5 : 1)
  await using stack = new Held()
  const namespace = stack.use(await Namespace.open())
  const reader = stack.use(await startReader(id, namespace, context, count))
  const length = String(bytes - HEADER_BYTES)
  const fill = stack.use(await namespace.start([context.tools.fill, NEAR, FAR, PORT, length]))
  await fill.says('ready')
  const run = async () => {
    await fill.ask(String(count), PATIENCE_MS)
    return count / 1000 / Number(await reader.ask(String(count), PATIENCE_MS))
  }
  return runner(id, run, stack.move())
}

/** Microseconds that a datagram takes there and back, in the middle. */
export function rtt({ tools, ...context }: Context, { rounds, seconds }: Plan): Promise<Measured> {
  const entries = [
    { id: 'c-echo', title: 'C, read() and write()' },
    { id: 'tryWrite', title: 'for await, tryWrite()', reference: 'c-echo', bound: { most: 2.5 } },
    { id: 'write', title: 'for await, await write()', reference: 'c-echo' },
  ]
  const figure = { id: 'rtt', title: 'Round trip, 64 B, p50', unit: 'µs', entries }
  const open = async (id: string) => {
    await using stack = new Held()
    const namespace = stack.use(await Namespace.open())
    const reader = stack.use(await startReader(id, namespace, { tools, ...context }, 500))
    reader.tell('0')
    const command = [tools.pingpong, NEAR, FAR, '7', RTT_BYTES, String(seconds)]
    const run = async () => {
      const output = await namespace.run(command, { timeoutMs: PATIENCE_MS })
      return (JSON.parse(output) as { p50: number }).p50
    }
    return runner(id, run, stack.move())
  }
  return measure(figure, open, rounds)
}

/** Gbit/s of one TCP stream through two devices that JavaScript joins. */
export function tcp({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Measured> {
  const entries: Entry[] = [
    { id: 'packet-false', title: 'for await, no offload' },
    { id: 'batch-false', title: 'batches(), no offload' },
    { id: 'packet-auto', title: 'for await, offload', ...by('packet-false', 2.8) },
    { id: 'batch-auto', title: 'batches(), offload', ...by('batch-false', 3.2) },
    { id: 'packed-auto', title: 'packedBatches(), offload', ...by('batch-false') },
    { id: 'single-auto', title: 'for await, tryWrite(), offload', ...by('packet-false') },
  ]
  const figure = { id: 'tcp', title: 'TCP, 1 stream, from device to device', unit: 'Gbit/s' }
  const open = async (id: string) => {
    await using stack = new Held()
    const [left, right] = [stack.use(await Namespace.open()), stack.use(await Namespace.open())]
    const paths = [left, right].map(({ pid }) => `/proc/${pid}/ns/net`)
    const command = [process.execPath, script('forward'), ...paths, ...id.split('-')]
    const forwarder = stack.use(await left.start(command))
    await forwarder.says('ready')
    const run = async () => {
      await using server = await right.start(['iperf3', '-s', '-1', '-B', FAR, '--forceflush'])
      await server.says('Server listening')
      const client = ['iperf3', '-c', FAR, '-t', String(seconds), '-J']
      const report = JSON.parse(await left.run(client, { timeoutMs: PATIENCE_MS })) as Transfer
      return report.end.sum_received.bits_per_second / 1e9
    }
    return runner(id, run, stack.move())
  }
  return measure({ ...figure, entries }, open, rounds)
}

interface Transfer {
  end: { sum_received: { bits_per_second: number } }
}

/** The resources of the process while a device is flooded: memory in MB, and ticks of a timer. */
export async function flood({ tools }: Context, { floodSeconds }: Plan): Promise<Measured[]> {
  process.stderr.write(`bench: a flood of ${floodSeconds} s\n`)
  await using namespace = await Namespace.open()
  await using reader = await namespace.start([process.execPath, script('flood')])
  await reader.says('ready')
  const blast = [tools.blast, NEAR, FAR, PORT, '36', String(floodSeconds + 2)]
  await using sender = await namespace.start(blast)
  const answer = await reader.ask(String(floodSeconds), floodSeconds * 1000 + PATIENCE_MS)
  if (sender.lastWords.startsWith('blast:')) throw new Error(sender.lastWords)
  const seen = JSON.parse(answer) as { packets: number; tickShare: number; rss: number[] }
  const half = seen.rss.length >> 1
  const most = (values: readonly number[]) => Math.max(...values) / 1e6
  const rss = [
    { id: 'first', title: 'most, first half', value: most(seen.rss.slice(0, half)) },
    { id: 'second', title: 'most, second half', value: most(seen.rss.slice(half)) },
  ]
  const ticks = { id: 'ticks', title: 'setInterval(10 ms)', value: seen.tickShare * 100 }
  const rate = { id: 'rate', title: 'read', value: seen.packets / floodSeconds / 1000 }
  return [
    asFigure('rss', `Memory in ${floodSeconds} s of flood`, 'MB', rss, { most: 120 }),
    asFigure('ticks', 'Ticks under the flood', '%', [ticks], { least: 95 }),
    asFigure('rate', 'Packets of the flood, for await, offload', 'kpackets/s', [rate]),
  ]
}

function asFigure(
  id: string,
  title: string,
  unit: string,
  entries: readonly { id: string; title: string; value: number }[],
  bound?: Entry['bound'],
): Measured {
  return {
    ...{ id, title, unit },
    entries: entries.map((entry) => ({
      id: entry.id,
      title: entry.title,
      ...(bound && { bound }),
    })),
    samples: entries.map(({ id: entry, value }) => ({ entry, round: 0, value })),
  }
}

function runner(id: string, run: () => Promise<number>, stack: Held): Runner {
  return { id, run, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
}
