import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { End, Lane } from '../lane/lane.ts'
import { debianProgram, printed } from '../native/debian.ts'
import type { Peer } from './peer.ts'

/** fastd with its method `null`: authenticated handshakes, and packets without protection. */
export const fastd: Peer = {
  id: 'fastd',
  title: 'fastd, null',
  kind: 'user',
  encrypts: false,
  async prepare({ signal }) {
    const program = await debianProgram('fastd', 'fastd', signal)
    return {
      version: await printed(program, ['--version'], /fastd v\S+/u),
      open: (lane) => open(lane, program),
    }
  },
}

interface Keys {
  secret: string
  public: string
}

async function open(lane: Lane, program: string): Promise<void> {
  const folder = await lane.folder()
  const keys = { left: await makeKeys(program), right: await makeKeys(program) }
  for (const end of lane.ends) {
    const other = end.side === 'left' ? keys.right : keys.left
    await writeFile(join(folder, end.side), configuration(end, lane.mtu, keys[end.side], other))
  }
  await lane.join(({ side }) => [program, '--config', join(folder, side)])
}

async function makeKeys(program: string): Promise<Keys> {
  const { stdout } = await execa(program, ['--generate-key'], { all: true })
  const key = (name: string) => new RegExp(`^${name}: ([\\da-f]{64})$`, 'mu').exec(stdout)?.[1]
  const [secret, shared] = [key('Secret'), key('Public')]
  if (secret === undefined || shared === undefined) throw new Error(`${program} made no keys`)
  return { secret, public: shared }
}

function configuration({ side, port, peerPort }: End, mtu: number, own: Keys, other: Keys): string {
  return [
    'mode tun;',
    `interface "lane-${side}";`,
    'method "null";',
    `mtu ${mtu};`,
    `bind 127.0.0.1:${port};`,
    `secret "${own.secret}";`,
    `peer "other" { key "${other.public}"; remote 127.0.0.1:${peerPort}; }`,
    '',
  ].join('\n')
}
