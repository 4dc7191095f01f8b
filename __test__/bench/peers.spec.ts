import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { Lane } from '../../bench/lane/lane.ts'
import { addressOf } from '../../bench/lane/testbed.ts'
import { buildTools } from '../../bench/native/tools.ts'
import { PEERS } from '../../bench/peers/index.ts'
import type { Peer, ReadyPeer } from '../../bench/peers/peer.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

const SNIFF = fileURLToPath(new URL('../support/sniff.py', import.meta.url))
/** Payload of a ping, which ping(8) repeats. */
const PAYLOAD = Buffer.from('tun2udp-payload.').toString('hex')
const END = 'end-of-capture'
const TIMEOUT_MS = 20_000

/** Returns the peer built or unpacked; nothing if it is not available here, which is a line `SKIP`. */
async function prepared(t: ExecutionContext, peer: Peer): Promise<ReadyPeer | undefined> {
  const tools = await buildTools()
  try {
    return await peer.prepare({ tools, signal: new AbortController().signal })
  } catch (error) {
    t.log(`SKIP ${t.title}: ${error instanceof Error ? error.message : String(error)}`)
    t.pass()
    return undefined
  }
}

/** Returns the packets on the path between the forwarders, in hexadecimal, while an action runs. */
async function captured(lane: Lane, action: () => Promise<unknown>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-capture-'))
  try {
    const file = join(folder, 'packets')
    const { host } = lane.left
    const command = `exec python3 ${SNIFF} lo ${END} > ${file}`
    await using sniffer = await host.start(['sh', '-c', command])
    const has = (text: string) => () =>
      readFileSync(file, { encoding: 'utf8', flag: 'a+' }).includes(text)
    await sniffer.until(has('ready\n'), 'capture', TIMEOUT_MS)
    await action()
    await host.run(['bash', '-c', `printf ${END} > /dev/udp/127.0.0.1/9`])
    const deadline = Date.now() + TIMEOUT_MS
    while (sniffer.isAlive && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 10))
    return readFileSync(file, 'utf8')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const id of ['plain', 'tun2udp', 'fastd', 'openvpn', 'tinc', 'vtun', 'n2n', 'wireguard-go']) {
  test(`${id} carries packets, and encrypts them if it is listed as such`, async (t) => {
    if (!hasTools(t, 'cc', 'nsenter', 'setpriv', 'python3', 'ping', 'bash')) return
    const peer = PEERS.find((candidate) => candidate.id === id)
    if (!peer) throw new Error(`there is no peer ${id}`)
    const ready = await prepared(t, peer)
    if (!ready) return
    t.regex(ready.version, /\d/u)
    await using lane = await Lane.open(1500)
    await ready.open(lane)
    await lane.check(await buildTools())
    const ping = ['ping', '-c', '3', '-i', '0.2', '-p', PAYLOAD, addressOf(lane.right, 0)]
    const packets = await captured(lane, () =>
      lane.left.namespace.run(ping, { timeoutMs: TIMEOUT_MS }),
    )
    t.true(packets.split('\n').length > 3, 'packets were captured')
    t.is(packets.includes(PAYLOAD), !peer.encrypts, 'the payload can be read on the path')
  })
}

test('the folder of a lane is removed with it', async (t) => {
  if (!hasTools(t, 'nsenter', 'setpriv')) return
  const lane = await Lane.open(1500)
  const folder = await lane.folder()
  t.is(statSync(folder).mode & 0o777, 0o700, 'it contains keys')
  await lane[Symbol.asyncDispose]()
  t.false(existsSync(folder))
})
