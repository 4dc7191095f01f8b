import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { SOURCES, cached, sourcesIn } from '../native/cache.ts'
import { versionOf } from '../native/tools.ts'
import type { Peer } from './peer.ts'

const FOLDER = 'tun-rs'

/** A forwarder over the Rust crate tun-rs, one packet per call. */
export const tunRs = peer('tun-rs', 'tun-rs', 'plain')

/** The same with its super-packets, and batches of datagrams. */
export const tunRsGso = peer('tun-rs-gso', 'tun-rs, GSO', 'gso')

function peer(id: string, title: string, mode: 'plain' | 'gso'): Peer {
  return {
    id,
    title,
    kind: 'user',
    async prepare({ signal }) {
      const rust = await versionOf('rustc', ['--version'])
      if (rust === undefined) throw new Error('there is no Rust toolchain (rustc): see rustup.rs')
      const program = await build(rust, signal)
      return {
        version: `tun-rs ${lockedVersion()}, ${rust}`,
        open: (lane) =>
          lane.join(({ port, peerPort }, device) => [
            ...[program, mode, device, String(lane.mtu), String(port), String(peerPort)],
          ]),
      }
    },
  }
}

async function build(rust: string, signal: AbortSignal): Promise<string> {
  const sources = [...sourcesIn(FOLDER), ...sourcesIn(join(FOLDER, 'src'))]
  const directory = await cached(FOLDER, sources, rust, async (aside) => {
    const manifest = join(SOURCES, FOLDER, 'Cargo.toml')
    const args = ['build', '--release', '--locked', '--quiet', '--manifest-path', manifest]
    await execa('cargo', [...args, '--target-dir', aside], { cancelSignal: signal })
  })
  return join(directory, 'release', 'bench-tun-rs')
}

/** The crate's version in the lock file. */
function lockedVersion(): string {
  const lock = readFileSync(join(SOURCES, FOLDER, 'Cargo.lock'), 'utf8')
  return /^name = "tun-rs"\nversion = "(.+)"$/mu.exec(lock)?.[1] ?? 'unknown'
}
