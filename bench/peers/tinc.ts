import { generateKeyPairSync } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { End, Lane } from '../lane/lane.ts'
import { addressOf } from '../lane/testbed.ts'
import { debianProgram, printed } from '../native/debian.ts'
import type { Peer } from './peer.ts'

/** The longest packet of a build without jumbo frames, as Debian's is: 1,518 bytes with an Ethernet header. */
const LONGEST = 1500

/** tinc 1.0 without encryption and authentication of the packets. Both ends know each other's RSA key. */
export const tinc: Peer = {
  id: 'tinc',
  title: 'tinc, no cipher',
  kind: 'user',
  encrypts: false,
  async prepare({ signal }) {
    const program = await debianProgram('tinc', 'tincd', signal)
    return {
      version: await printed(program, ['--version'], /tinc version \S+/u),
      open: (lane) => open(lane, program),
    }
  },
}

async function open(lane: Lane, program: string): Promise<void> {
  if (lane.mtu > LONGEST) throw new Error(`tinc carries packets of at most ${LONGEST} bytes`)
  const folder = await lane.folder()
  const keys = { left: makeKeys(), right: makeKeys() }
  for (const end of lane.ends) {
    const own = join(folder, end.side)
    await mkdir(join(own, 'hosts'), { recursive: true })
    await writeFile(join(own, 'tinc.conf'), configuration(end))
    await writeFile(join(own, 'rsa_key.priv'), keys[end.side].secret, { mode: 0o600 })
    for (const host of lane.ends)
      await writeFile(join(own, 'hosts', host.side), description(host, keys[host.side].public))
  }
  for (const end of lane.ends) {
    const files = join(folder, end.side)
    const options = ['-D', '-c', files, `--pidfile=${join(files, 'pid')}`]
    const forwarder = await lane.forward(end, [program, ...options])
    // The right end connects to the left one, and only tries again after seconds.
    await forwarder.until(() => end.host.listens(end.port), `listen on TCP port ${end.port}`)
    await forwarder.until(() => end.host.has(`lane-${end.side}`), 'make its interface')
    await lane.adopt(`lane-${end.side}`, end)
  }
}

interface Keys {
  secret: string
  public: string
}

/** RSA keys in the form that tinc 1.0 reads. */
function makeKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return { secret: privateKey, public: publicKey }
}

function configuration({ side, port }: End): string {
  return [
    `Name = ${side}`,
    'DeviceType = tun',
    `Interface = lane-${side}`,
    'AddressFamily = ipv4',
    `BindToAddress = 127.0.0.1 ${port}`,
    // It would otherwise send over TCP until it has measured the path MTU, and limit the segments of TCP to it.
    'PMTUDiscovery = no',
    'ClampMSS = no',
    ...(side === 'right' ? ['ConnectTo = left'] : []),
    '',
  ].join('\n')
}

/** Returns the file that both ends have about a host. */
function description(end: End, key: string): string {
  return [
    'Address = 127.0.0.1',
    `Port = ${end.port}`,
    `Subnet = ${addressOf(end, 0)}/32`,
    `Subnet = ${addressOf(end, 1)}/128`,
    'Cipher = none',
    'Digest = none',
    'Compression = 0',
    key,
  ].join('\n')
}
