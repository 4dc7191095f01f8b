import type { End, Lane } from '../lane/lane.ts'
import { addressOf } from '../lane/testbed.ts'
import { debianProgram, printed } from '../native/debian.ts'
import type { Peer } from './peer.ts'

const SUPERNODE_PORT = 7003
/** The longest frame that fits into the buffers of version 1, without the headers. */
const LONGEST = 1500

/** n2n with a supernode next to the left edge. Version 1, which Debian has, cannot run without encryption (Twofish). */
export const n2n: Peer = {
  id: 'n2n',
  title: 'n2n (encrypts)',
  kind: 'user',
  encrypts: true,
  async prepare({ signal }) {
    const edge = await debianProgram('n2n', 'edge', signal)
    const supernode = await debianProgram('n2n', 'supernode', signal)
    return {
      version: await printed(edge, ['-h'], /n2n v\.\S+/u),
      open: (lane) => open(lane, edge, supernode),
    }
  },
}

async function open(lane: Lane, edge: string, supernode: string): Promise<void> {
  if (lane.mtu > LONGEST) throw new Error(`n2n carries packets of at most ${LONGEST} bytes`)
  const { host } = lane.left
  const directory = await lane.forward(lane.left, [supernode, '-l', String(SUPERNODE_PORT)])
  await directory.until(() => host.listens(SUPERNODE_PORT), `listen on port ${SUPERNODE_PORT}`)
  await lane.join((end, device) => [edge, ...optionsOf(end, device, lane.mtu)])
}

function optionsOf(end: End, device: string, mtu: number): string[] {
  return [
    ...['-d', device, '-a', addressOf(end, 0), '-s', '255.255.255.0'],
    ...['-c', 'lane', '-k', 'bench', '-l', `127.0.0.1:${SUPERNODE_PORT}`],
    ...['-p', String(end.port), '-M', String(mtu)],
    ...['-m', end.side === 'left' ? '02:00:00:00:00:01' : '02:00:00:00:00:02', '-r'],
  ]
}
