import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { tapIn, tunIn } from '../../support/device.ts'
import { INDEX } from '../../support/script.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

/** Sends frames of a local experimental type to these stations; each contains the number of its station. */
async function sendFrames({ run }: Namespace, name: string, to: readonly string[]): Promise<void> {
  const script = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('${name}', 0))
for n, mac in enumerate(sys.argv[1:]):
    s.send(bytes.fromhex(mac.replace(':', '')) + bytes.fromhex('02000000000288b5') + bytes([n] * 50))`
  await run('python3', '-c', script, ...to)
}

const ONE = '02:00:00:00:00:01'
const OTHER = '02:00:00:00:00:99'
const GROUP = '01:00:5e:00:00:05'
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const ALL = [ONE, OTHER, GROUP, BROADCAST, ONE]

/** Returns the numbers of the frames that arrive, up to that of the last one. */
async function numbers(tap: AsyncIterable<Buffer>): Promise<number[]> {
  const seen: number[] = []
  for await (const frame of tap) {
    if (frame.readUInt16BE(12) !== 0x88b5) continue
    seen.push(frame[14] ?? -1)
    if (frame[14] === ALL.length - 1) break
  }
  return seen
}

test('a MAC filter lets through what is for its stations, and for groups if wanted', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const tap = await tapIn(t, namespace, { macAddress: ONE })
  const seen = async () => {
    await sendFrames(namespace, tap.name, ALL)
    return numbers(tap)
  }
  t.deepEqual(await seen(), [0, 1, 2, 3, 4])
  await tap.setMacFilter({ addresses: [ONE] })
  t.deepEqual(await seen(), [0, 4])
  await tap.setMacFilter({ addresses: [ONE, BROADCAST] })
  t.deepEqual(await seen(), [0, 3, 4])
  await tap.setMacFilter({ addresses: [ONE], allMulticast: true })
  t.deepEqual(await seen(), [0, 2, 3, 4])
  await tap.setMacFilter(undefined)
  t.deepEqual(await seen(), [0, 1, 2, 3, 4])
  const many = Array.from({ length: 9 }, (_, n) => `02:00:00:00:01:0${n}`)
  await t.throwsAsync(tap.setMacFilter({ addresses: many }), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    message: /^set the MAC filter of tap0: the driver distinguishes only 8 unicast stations; /u,
  })
  await t.throwsAsync(tap.setMacFilter({ addresses: [], allMulticast: true }), {
    message: /the list is empty/u,
  })
})

/** `tcpdump -dd` of `ether[14] & 1 = 0`, except that it loads only the byte: frames with an even number pass. */
const EVEN = [
  { code: 0x30, k: 14 },
  { code: 0x54, k: 1 },
  { code: 0x15, jt: 0, jf: 1, k: 0 },
  { code: 0x6, k: 0xffff_ffff },
  { code: 0x6, k: 0 },
]

test('a classic BPF program drops frames until it is taken away', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const tap = await tapIn(t, namespace)
  await tap.setFilter(EVEN)
  await sendFrames(namespace, tap.name, ALL)
  t.deepEqual(await numbers(tap), [0, 2, 4])
  t.true(((await tap.link()).stats?.txDropped ?? 0) >= 2)
  await t.throwsAsync(tap.setFilter([{ code: 0x5, k: 7 }]), {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    message: /not a valid classic BPF program/u,
  })
  // The refused filter changed nothing.
  await sendFrames(namespace, tap.name, ALL)
  t.deepEqual(await numbers(tap), [0, 2, 4])
  await tap.setFilter(undefined)
  await sendFrames(namespace, tap.name, ALL)
  t.deepEqual(await numbers(tap), [0, 1, 2, 3, 4])
})

test('a classic BPF program goes with who set it, and the interface can be opened again', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  // With packet information, the kernel would read the program again, from memory that we have freed.
  const options = { name: 'stay0', persistent: true, packetInformation: true }
  const first = await tapIn(t, namespace, options)
  await first.setFilter(EVEN)
  await first.close()
  const second = await tapIn(t, namespace, { ...options, persistent: false })
  await sendFrames(namespace, 'stay0', ALL)
  const seen: number[] = []
  for await (const packet of second) {
    const frame = packet.subarray(4)
    if (frame.readUInt16BE(12) === 0x88b5 && seen.push(frame[14] ?? -1) === ALL.length) break
  }
  t.deepEqual(seen, [0, 1, 2, 3, 4])
})

test('a TUN device has neither MAC addresses nor classic BPF programs', async (t) => {
  const namespace = await withNamespace(t)
  const tun = await tunIn(t, namespace)
  t.false('setMacFilter' in tun)
  t.false('setFilter' in tun)
})

/** Loads an eBPF program that returns that number, and runs Node with it as descriptor 9. */
const LOADER = `
import ctypes, os, struct, sys
answer = int(sys.argv[1])
code = struct.pack('<BBhiBBhi', 0xb7, 0, 0, answer, 0x95, 0, 0, 0)
buffer, license = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b'GPL')
attributes = struct.pack('<IIQQIIQII', 1, 2, ctypes.addressof(buffer), ctypes.addressof(license), 0, 0, 0, 0, 0)
attributes = ctypes.create_string_buffer(attributes)
number = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
fd = ctypes.CDLL(None, use_errno=True).syscall(number, 5, attributes, 48)
if fd < 0: raise OSError(ctypes.get_errno(), 'bpf')
os.dup2(fd, 9)
os.execv(sys.argv[2], sys.argv[2:])`

function runWithProgram({ run }: Namespace, answer: number, script: string): Promise<string> {
  const prelude = `
    import { execFileSync } from 'node:child_process'
    import { openTun } from '${INDEX}'
    const send = (to) => execFileSync('bash', ['-c', \`echo -n 0123456789 > /dev/udp/10.8.0.\${to}/9\`])
`
  const node = [process.execPath, '--input-type=module', '-e', prelude + script]
  return run('python3', '-c', LOADER, String(answer), ...node).then((said) => said.trim())
}

test('an eBPF program cuts packets short, or drops them', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const script = `
    const tun = await openTun({ addresses: ['10.8.0.1/24'] })
    await tun.setEbpfFilter(9)
    send(2)
    await tun.setEbpfFilter(undefined)
    send(2)
    console.log((await tun.read()).length, (await tun.link()).stats.txDropped)
    const refused = await tun.setEbpfFilter(0).catch((error) => error)
    const closed = await tun.setEbpfFilter(99).catch((error) => error)
    console.log(refused.code, closed.code, closed.subject)
    await tun.close()`
  const codes = 'ERR_TUN_INVALID_ARGUMENT ERR_TUN_INVALID_ARGUMENT descriptor 99'
  t.is(await runWithProgram(namespace, 30, script), `30 0\n${codes}`)
  t.is(await runWithProgram(namespace, 0, script), `38 1\n${codes}`)
})

test('an eBPF program chooses the queue, whatever the flow', async (t) => {
  if (!hasTools(t, 'python3')) return
  const namespace = await withNamespace(t)
  const script = `
    const tun = await openTun({ addresses: ['10.8.0.1/24'], queues: 3 })
    await tun.setEbpfSteering(9)
    await tun.detachQueue(0)
    await tun.attachQueue(0)
    // The queue that was attached last has the highest number, and the program returns 2.
    for (let to = 2; to < 22; to++) send(to)
    await tun.detachQueue(0)
    const left = await Promise.race([tun.read(), new Promise((resolve) => setTimeout(resolve, 50, 'none'))])
    console.log(left)
    await tun.close()`
  t.is(await runWithProgram(namespace, 2, script), 'none')
})
