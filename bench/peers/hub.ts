import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { End, Lane } from '../lane/lane.ts'
import { DEVICE } from '../lane/testbed.ts'
import { ours } from './ours.ts'
import type { Peer } from './peer.ts'

/** Peers of each relay. */
const PEERS = 1000
/** The UDP port of the first peer that does not exist. */
const FIRST_PORT = 20_000

/** The relay of this tree with many peers, of which the other end is one. The others do not exist. */
export function hub(tree: string): Peer {
  const single = ours({ id: 'tun2udp-hub', tree, options: [] })
  return {
    ...single,
    title: `tun2udp, one of ${PEERS} peers`,
    isRoutable: false,
    async prepare(toolbox) {
      const { version } = await single.prepare(toolbox)
      return { version, open: (lane) => open(lane, resolve(tree, 'dist/bin/tun2udp.js')) }
    },
  }
}

async function open(lane: Lane, program: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tun2udp-bench-'))
  try {
    for (const end of lane.ends) {
      const other = end.side === 'left' ? lane.right : lane.left
      const file = join(folder, `${end.side}.json`)
      await writeFile(file, JSON.stringify(configuration(end, other, lane.mtu)))
      const relay = await lane.forward(end, [process.execPath, program, '--config', file])
      await relay.says('ready')
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

function configuration(end: End, other: End, mtu: number): object {
  const { namespace, addresses, port, peerPort, peerAddress } = end
  const prefixes = other.addresses.map((address) => address.replace(/\/\d+$/u, ''))
  const others = Array.from({ length: PEERS - 1 }, (_, number) => ({
    name: `peer-${number}`,
    endpoint: `${peerAddress}:${FIRST_PORT + number}`,
    allowedPrefixes: [`10.64.${number >> 8}.${number & 255}`, `fd40::${number.toString(16)}`],
  }))
  return {
    addresses,
    mtu,
    name: DEVICE,
    netns: String(namespace.pid),
    receivePort: port,
    peers: [
      { name: 'other', endpoint: `${peerAddress}:${peerPort}`, allowedPrefixes: prefixes },
      ...others,
    ],
  }
}
