import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import type { Lane } from '../lane/lane.ts'
import type { Spoke, Star } from '../lane/star.ts'
import { DEVICE, addressOf } from '../lane/testbed.ts'
import type { Peer } from './peer.ts'

/** One of this project's builds, and the options that it is run with. */
export interface Build {
  /** Name in the results. */
  id: string
  /** The tree whose `dist/` it is. */
  tree: string
  /** Further options of the program. */
  options: readonly string[]
}

/** The relay of a tree, run as a user runs it. */
export function ours({ id, tree, options }: Build): Peer {
  return {
    id,
    title: id,
    kind: 'ours',
    isRoutable: true,
    async prepare() {
      const program = resolve(tree, 'dist/bin/tun2udp.js')
      if (!existsSync(program)) {
        throw new Error(
          `${tree} has no built program dist/bin/tun2udp.js: run its scripts/setup.sh`,
        )
      }
      const command = [process.execPath, program]
      const version = [await versionOf(tree, program), ...options].join(' ')
      return {
        version,
        open: (lane) => open(lane, command, options),
        openStar: (star) => openStar(star, command, options),
      }
    },
  }
}

async function open(
  lane: Lane,
  command: readonly string[],
  options: readonly string[],
): Promise<void> {
  for (const end of lane.ends) {
    const { namespace, addresses, port, peerPort, peerAddress } = end
    const [v4, v6] = addresses
    const relay = await lane.forward(end, [
      ...command,
      v4,
      String(peerPort),
      String(port),
      ...['--address', v6, '--name', DEVICE, '--mtu', String(lane.mtu)],
      ...['--netns', String(namespace.pid), '--peer', peerAddress, ...options],
    ])
    await relay.says('ready')
  }
}

/** Each relay has a file: the hub has all spokes as peers, and a spoke the hub. */
async function openStar(
  star: Star,
  command: readonly string[],
  options: readonly string[],
): Promise<void> {
  const folder = await star.folder()
  const { hub, spokes } = star
  for (const end of star.ends) {
    const file = join(folder, `${end.name}.json`)
    const peers = end === hub ? spokes : [hub]
    await writeFile(file, JSON.stringify(configuration(end, peers, star.mtu)))
    const relay = await star.forward(end, [...command, '--config', file, ...options])
    await relay.says('ready')
  }
}

function configuration(end: Spoke, peers: readonly Spoke[], mtu: number): object {
  return {
    addresses: end.addresses,
    mtu,
    name: DEVICE,
    netns: String(end.namespace.pid),
    receivePort: end.port,
    peers: peers.map((peer) => ({
      name: peer.name,
      endpoint: `127.0.0.1:${peer.port}`,
      allowedPrefixes: [addressOf(peer, 0), addressOf(peer, 1)],
    })),
  }
}

async function versionOf(tree: string, program: string): Promise<string> {
  const { stdout: version } = await execa(process.execPath, [program, '--version'])
  const hasGit = existsSync(join(tree, '.git'))
  if (!hasGit) return version
  const { stdout: commit } = await execa('git', ['describe', '--always', '--dirty'], { cwd: tree })
  return `${version} (${commit})`
}
