import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { DEVICE } from '../lane/lane.ts'
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
        async open(lane) {
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
        },
      }
    },
  }
}

async function versionOf(tree: string, program: string): Promise<string> {
  const { stdout: version } = await execa(process.execPath, [program, '--version'])
  const hasGit = existsSync(join(tree, '.git'))
  if (!hasGit) return version
  const { stdout: commit } = await execa('git', ['describe', '--always', '--dirty'], { cwd: tree })
  return `${version} (${commit})`
}
