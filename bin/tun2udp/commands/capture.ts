import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Socket } from 'node:net'
import { isatty } from 'node:tty'
import { CAPTURE_BYTES_MIN, SNAP_LENGTH_MAX } from '../../../lib/check/limits.ts'
import { TunError, codeOf, invalidArgument, messageOf } from '../../../lib/errors.ts'
import { BlockReader, isPacket, leftOutOf } from '../capture/blocks.ts'
import { CaptureFiles, type Ring } from '../capture/files.ts'
import { ControlClient } from '../control/client.ts'
import { findOne } from '../control/find.ts'
import { listSockets } from '../control/path.ts'
import { print } from '../print.ts'
import { STATUS } from '../status.ts'
import { NAME, describeCommand, hintOf, runClient } from './describe.ts'

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 }

const READERS = `
Wireshark reads both points in one file. tcpdump reads a file of one point:
tun2udp capture - --inside | tcpdump -n -r -`

/** Writes the packets of a relay to a file or to stdout until Ctrl-C, a limit, or the end of the relay. */
export async function run(args: readonly string[]): Promise<number> {
  const purpose = 'Writes the packets of a relay to a file, in the format pcapng.'
  const command = describeCommand('capture', purpose)
    .argument(...NAME)
    .argument('[file]', 'file to write, or - for stdout')
    .option('--inside', 'only packets of the interface')
    .option('--outside', 'only datagrams')
    .option('--snap-length <bytes>', 'bytes to keep of each packet, 1 to 262144 (default: all)')
    .option('--filter <program>', 'output of "tcpdump -y RAW -ddd EXPRESSION", or a file with it')
    .option('--count <packets>', 'end after this number of packets')
    .option('--ring <size,number>', 'keep this number of files, each of a size such as 100M')
    .option('--overwrite', 'replace an existing file')
    .usage('[options] [name] <file>')
    .addHelpText('after', READERS)
  return runClient('capture', command, args, async ([first, second], options) => {
    if (second === undefined) checkNoRelay(first)
    const [name, file] = second === undefined ? [undefined, first] : [first, second]
    return captureTo(name, checkFile(file), options)
  })
}

/** Refuses a relay in the place of the file. */
function checkNoRelay(given: string | undefined): void {
  if (given === undefined || given === '-') return
  const isSocket = statSync(given, { throwIfNoEntry: false })?.isSocket() ?? false
  if (!isSocket && listSockets().every(({ name }) => name !== given)) return
  throw invalidArgument('file', given, 'a path, or - for stdout', {
    advice: `this is a relay: write "tun2udp capture ${given} FILE"`,
  })
}

function checkFile(file: string | undefined): string {
  if (file === undefined || file === '') {
    const reason = `the file is missing; expected a path, or - for stdout; ${hintOf('capture')}`
    throw new TunError(reason, { code: 'ERR_TUN_INVALID_ARGUMENT' })
  }
  if (file !== '-' || !isatty(1)) return file
  throw invalidArgument('file', '-', 'a pipe or a file behind stdout, which is a terminal', {
    advice: 'write "tun2udp capture - | wireshark -k -i -", or name a file',
  })
}

async function captureTo(
  name: string | undefined,
  file: string,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const ring = ringOf(options['ring'])
  if (ring && file === '-') throw invalidArgument('ring', options['ring'], 'a file, not stdout')
  const params = paramsOf(options)
  const { path } = await findOne(name)
  const client = await ControlClient.connect(path)
  try {
    await client.request('capture', params)
    const socket = client.release()
    const counts =
      file === '-' ? await toStdout(socket) : await toFiles(socket, file, options, ring)
    const { packets, leftOut } = counts
    const stderr = `tun2udp: packets: ${packets} captured, ${leftOut} left out\n`
    return await print({ stdout: '', stderr, status: STATUS.success })
  } finally {
    client.close()
  }
}

/** Returns the parameters of the request. */
function paramsOf(options: Readonly<Record<string, unknown>>): object {
  const { inside, outside } = options
  const points = [...(inside ? ['inside'] : []), ...(outside ? ['outside'] : [])]
  const number = (flag: string, name: string, value: unknown, most: number): object => {
    if (value === undefined) return {}
    const count = typeof value === 'string' && /^\d{1,16}$/u.test(value) ? Number(value) : 0
    if (count >= 1 && count <= most) return { [name]: count }
    throw invalidArgument(flag, value, `a whole number from 1 to ${most}`)
  }
  const filter = filterOf(options['filter'])
  return {
    ...(points.length > 0 ? { points } : {}),
    ...number('--snap-length', 'snapLength', options['snapLength'], SNAP_LENGTH_MAX),
    ...number('--count', 'maxPackets', options['count'], Number.MAX_SAFE_INTEGER),
    ...(filter === undefined ? {} : { filter }),
  }
}

/** Returns a filter: the text itself, or that of a file. */
function filterOf(given: unknown): string | undefined {
  if (typeof given !== 'string' || /^\s*\d+\s*\n/u.test(given) || !existsSync(given)) {
    return given as string | undefined
  }
  return readFileSync(given, 'utf8')
}

function ringOf(given: unknown): Ring | undefined {
  if (given === undefined) return undefined
  const [, size = '', unit = '', number = ''] =
    /^(\d{1,12})([kMG]?),(\d{1,5})$/u.exec(typeof given === 'string' ? given : '') ?? []
  const ring = { bytes: Number(size) * (UNITS[unit] ?? Number.NaN), files: Number(number) }
  if (ring.bytes >= CAPTURE_BYTES_MIN && ring.files > 0) return ring
  const expected = `SIZE,NUMBER, such as 100M,10; the size is at least ${CAPTURE_BYTES_MIN} bytes`
  throw invalidArgument('ring', given, expected)
}

interface Counts {
  packets: number
  leftOut: number
}

/** Passes the blocks of a capture on until its end, and counts. Ctrl-C ends the capture, and the rest still comes. */
async function read(
  socket: Socket,
  counts: Counts,
  pass: (blocks: Buffer[]) => Promise<void>,
): Promise<void> {
  const end = () => socket.end()
  process.once('SIGINT', end).once('SIGTERM', end)
  const reader = new BlockReader()
  const leftOut = new Map<number, number>()
  try {
    for await (const chunk of socket) {
      const blocks = reader.push(chunk as Buffer)
      for (const block of blocks) {
        const found = leftOutOf(block)
        if (found) leftOut.set(...found)
      }
      await pass(blocks)
      counts.packets += blocks.filter(isPacket).length
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
    counts.leftOut = [...leftOut.values()].reduce((sum, count) => sum + count, 0)
  }
}

async function toFiles(
  socket: Socket,
  file: string,
  options: Readonly<Record<string, unknown>>,
  ring: Ring | undefined,
): Promise<Counts> {
  const files = new CaptureFiles(file, options['overwrite'] === true, ring)
  const counts = { packets: 0, leftOut: 0 }
  try {
    // eslint-disable-next-line @typescript-eslint/require-await -- a file is written at once
    await read(socket, counts, async (blocks) => {
      files.write(blocks)
    })
    return counts
  } finally {
    files.close()
  }
}

/** Writes to stdout. A reader that is gone ends the capture; another failure is an error. */
async function toStdout(socket: Socket): Promise<Counts> {
  const { stdout } = process
  const failed: Error[] = []
  const onError = (error: Error) => {
    failed.push(error)
    socket.destroy()
  }
  stdout.on('error', onError)
  const counts = { packets: 0, leftOut: 0 }
  try {
    await read(socket, counts, async (blocks) => {
      if (blocks.length > 0 && !stdout.write(Buffer.concat(blocks))) await once(stdout, 'drain')
    })
  } catch (error) {
    if (failed.length === 0) throw error
  }
  // A file behind stdout reports its failure after the write.
  await new Promise((resolve) => stdout.write('', resolve))
  const [cause] = failed
  if (cause === undefined || codeOf(cause) === 'EPIPE') return counts
  throw new TunError(
    `write the capture to stdout: ${messageOf(cause)}`,
    { code: 'ERR_TUN_SYSTEM', subject: '-' },
    { cause },
  )
}
