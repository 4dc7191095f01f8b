import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import plainTest from 'ava'
import { COUNTERS } from '../../index.ts'
import { readPcapng } from '../support/capture/pcapng.ts'
import { startExample } from '../support/example.ts'
import { temporaryFolder } from '../support/folder.ts'
import { withNamespace } from '../support/namespace.ts'
import { assertPing } from '../support/ping.ts'
import { Running, cleanEnvironment } from '../support/program.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'
import { Traffic } from '../support/traffic.ts'

const FOLDER = new URL('../../examples/', import.meta.url)
const EXAMPLES = readdirSync(FOLDER).filter((file) => file.endsWith('.ts'))

plainTest('each example says how it is run, and has a test here', (t) => {
  t.true(EXAMPLES.length >= 5)
  const tests = readFileSync(new URL(import.meta.url), 'utf8')
  for (const file of EXAMPLES) {
    t.regex(
      readFileSync(new URL(file, FOLDER), 'utf8'),
      new RegExp(`^/\\*\\*(?:(?!\\*/)[^])*node examples/${file}`, 'u'),
    )
    t.true(tests.includes(`'${file}'`), file)
  }
})

test('echo sends datagrams of either version back whole', async (t) => {
  const namespace = await withNamespace(t)
  await startExample(t, namespace, 'send datagrams', 'echo.ts')
  for (const address of ['10.80.0.2', 'fd80::2']) {
    const traffic = new Traffic(t, namespace, 'udpLengths', address, '7', '1,1400,97')
    t.is((await traffic.next()).echoed, 15, address)
  }
})

test('ping is answered for every address', async (t) => {
  if (!hasTools(t, 'ping')) return
  const namespace = await withNamespace(t)
  await startExample(t, namespace, 'ping any address', 'ping.ts')
  for (const address of ['10.80.1.77', '10.80.1.200', 'fd80:1::77'])
    await assertPing(t, namespace, address, 1000)
})

test('nat shows the outside one address, carries streams whole, and lets nothing else in', async (t) => {
  if (!hasTools(t, 'ping', 'socat')) return
  const [inside, outside] = [await withNamespace(t), await withNamespace(t)]
  await startExample(t, inside, 'reaches', 'nat.ts', inside.name, outside.name)
  await assertPing(t, inside, '198.51.100.1')
  const listen = outside.run('socat', 'TCP-LISTEN:7777', 'SYSTEM:echo $SOCAT_PEERADDR')
  t.is(
    await inside.run('socat', '-u', 'TCP:198.51.100.1:7777,retry=50,interval=0.1', '-'),
    '198.51.100.200\n',
  )
  await listen
  const sink = new Traffic(t, outside, 'tcpSink', '198.51.100.1')
  const source = new Traffic(t, inside, 'tcpSource', '198.51.100.1', await sink.port(), '2000000')
  t.is((await sink.next()).sha256, (await source.next()).sha256)
  const once = ['ping', '-c', '1', '-W', '1', '198.51.100.200']
  await t.throwsAsync(outside.run(...once), { message: /Command failed/u })
})

test('hub adds and removes peers, and goes on after a mistake', async (t) => {
  const { name, run } = await withNamespace(t)
  const node = [process.execPath, '--import', '@oxc-node/core/register']
  const file = join(fileURLToPath(FOLDER), 'hub.ts')
  const child = spawn('ip', ['netns', 'exec', name, ...node, file], {
    env: cleanEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const hub = new Running(child)
  t.teardown(() => hub.end('SIGKILL'))
  await hub.until('stdout', /^tun0: add NAME/mu)
  const say = async (line: string, stream: 'stdout' | 'stderr', expected: RegExp) => {
    child.stdin.write(`${line}\n`)
    await hub.until(stream, expected)
  }
  await say('add b 192.0.2.2:5001 10.9.0.2/32 10.20.2.0/24', 'stdout', /^peers: first b$/mu)
  t.regex(await run('ip', 'route'), /^10\.20\.2\.0\/24 dev tun0/mu)
  await say('add c 192.0.2.3 10.9.0.3/32', 'stderr', /^Invalid peer\.endpoint "192\.0\.2\.3"/mu)
  await say('remove b', 'stdout', /^peers: first$/mu)
  t.notRegex(await run('ip', 'route'), /10\.20\.2\.0/u)
  child.stdin.end()
  t.is((await hub.ended).status, 0)
})

test('prom-client and OpenTelemetry have the counters of the relay', async (t) => {
  if (!hasTools(t, 'ping')) return
  const [one, other] = [await withNamespace(t), await withNamespace(t)]
  await startExample(t, one, 'the metrics are at', 'prom-client.ts')
  const fetchText = `fetch('http://127.0.0.1:9464/metrics').then((r) => r.text()).then(console.log)`
  const scrape = async () => one.run(process.execPath, '-e', fetchText)
  await one.run('ping', '-c', '3', '-i', '0.01', '-W', '0.1', '10.9.0.2').catch(() => undefined)
  let metrics = await scrape()
  const valueOf = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'mu').exec(metrics)?.[1])
  while (!(valueOf('tunnel_outbound_packets_read_total') >= 3)) metrics = await scrape()
  for (const { direction, name, isDrop, help } of COUNTERS) {
    const snake = name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)
    const line = isDrop
      ? `tunnel_${direction}_dropped_packets_total{cause="${snake}"} `
      : `# HELP tunnel_${direction}_${snake}_total ${help}`
    t.true(metrics.includes(line), line)
  }

  const node = [process.execPath, '--import', '@oxc-node/core/register']
  const file = join(fileURLToPath(FOLDER), 'opentelemetry.ts')
  const telemetry = new Running(
    spawn('ip', ['netns', 'exec', other.name, ...node, file], {
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
    120_000,
  )
  t.teardown(() => telemetry.end('SIGKILL'))
  await telemetry.until('stdout', /the metrics follow/u)
  await other.run('ping', '-c', '3', '-i', '0.01', '-W', '0.1', '10.9.0.2').catch(() => undefined)
  await telemetry.until(
    'stdout',
    /name: 'tunnel\.outbound\.packetsRead',[^}]*unit: '\{packets\}'[^]*?value: [1-9]/u,
  )
  const { status, stdout, stderr } = await telemetry.end('SIGTERM')
  t.is(status, 0, stderr)
  for (const { direction, name, isDrop } of COUNTERS)
    t.true(stdout.includes(`'tunnel.${direction}.${isDrop ? 'dropped.' : ''}${name}'`), name)
})

/** Sends three packets into the interface, and ends when the peer has received their datagrams. */
const SEND_AND_RECEIVE = `const { createSocket } = require('node:dgram')
const texts = new Set(['1', '22', '333'])
const [peer, inside] = [createSocket('udp4'), createSocket('udp4')]
peer.on('message', (datagram) => {
  texts.delete(datagram.toString('latin1', 28))
  if (texts.size === 0) process.exit()
})
peer.bind(5001, '127.0.0.1', () => texts.forEach((text) => inside.send(text, 9, '10.9.0.2')))`

test('record compresses what a relay carries, with the statistics at the end', async (t) => {
  const namespace = await withNamespace(t)
  const folder = temporaryFolder(t)
  const file = join(folder, 'tunnel.pcapng.gz')
  const example = await startExample(t, namespace, 'recording', 'record.ts', file)
  await namespace.run(process.execPath, '-e', SEND_AND_RECEIVE)
  example.kill('SIGINT')
  t.deepEqual(await once(example, 'exit'), [0, null])
  const { interfaces, packets, statistics, torn } = readPcapng(gunzipSync(readFileSync(file)))
  t.is(torn, 0)
  t.deepEqual(interfaces, ['tun0', 'udp'])
  for (const [number, point] of interfaces.entries()) {
    const found = packets.filter((packet) => packet.point === point)
    t.is(statistics[number]?.[0], found.length)
    const texts = found.map(({ data }) => data.toString('latin1', point === 'udp' ? 56 : 28))
    for (const text of ['1', '22', '333']) t.true(texts.includes(text), `${point}: ${text}`)
  }
})

test('switch carries frames between its namespaces', async (t) => {
  if (!hasTools(t, 'ping')) return
  const stations = [await withNamespace(t), await withNamespace(t), await withNamespace(t)]
  const [one, two, three] = stations
  if (!one || !two || !three) return t.fail()
  const names = stations.map(({ name }) => name)
  await startExample(t, one, 'switching', 'switch.ts', ...names)
  await assertPing(t, one, '10.80.3.2', 1400)
  await assertPing(t, two, '10.80.3.3')
  const sink = new Traffic(t, three, 'tcpSink', '10.80.3.3')
  const source = new Traffic(t, one, 'tcpSource', '10.80.3.3', await sink.port(), '2000000')
  t.is((await sink.next()).sha256, (await source.next()).sha256)
})

/** Returns the blocks of a capture: type and body. */
function blocksOf(bytes: Buffer): [type: number, body: Buffer][] {
  const blocks: [number, Buffer][] = []
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 4)
    if (bytes.readUInt32LE(at + length - 4) !== length) throw new Error('lengths of a block differ')
    blocks.push([bytes.readUInt32LE(at), bytes.subarray(at + 8, at + length - 4)])
    at += length
  }
  return blocks
}

/** Returns the number of blocks so far; the last one may be incomplete. */
function blocksIn(file: string): number {
  try {
    return blocksOf(readFileSync(file)).length
  } catch {
    return 0
  }
}

test('capture writes every packet, and tshark reads them', async (t) => {
  const namespace = await withNamespace(t)
  const folder = temporaryFolder(t)
  const file = join(folder, 'packets.pcapng')
  const capture = await startExample(t, namespace, 'go to', 'capture.ts', file)
  const send = 'for i in 1 22 333 4444 55555; do echo -n $i > /dev/udp/10.80.4.2/9; done'
  const before = Date.now()
  await namespace.run('bash', '-c', send)
  while (blocksIn(file) < 7) await sleep(20)
  capture.kill('SIGINT')
  t.deepEqual(await once(capture, 'exit'), [0, null])
  const blocks = blocksOf(readFileSync(file))
  t.deepEqual(
    blocks.map(([type]) => type),
    [0x0a0d0d0a, 1, 6, 6, 6, 6, 6],
  )
  for (const [n, [, body]] of blocks.slice(2).entries()) {
    const length = body.readUInt32LE(12)
    t.is(body.toString('latin1', 20 + 28, 20 + length), String(n + 1).repeat(n + 1))
    const micros = body.readUInt32LE(4) * 2 ** 32 + body.readUInt32LE(8)
    t.true(Math.abs(micros / 1000 - before) < 60_000)
  }
  if (!hasTools(t, 'tshark')) return
  const fields = ['-e', 'ip.dst', '-e', 'udp.length']
  const seen = await namespace.run('tshark', '-n', '-r', file, '-T', 'fields', ...fields)
  t.is(seen.trim(), [9, 10, 11, 12, 13].map((length) => `10.80.4.2\t${length}`).join('\n'))
})
