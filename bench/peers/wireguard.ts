import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { End, Lane } from '../lane/lane.ts'
import { installCargo } from '../native/cargo.ts'
import { buildGo } from '../native/go.ts'
import type { Peer } from './peer.ts'

const GO_MODULE = 'golang.zx2c4.com/wireguard'
const BORINGTUN = { crate: 'boringtun-cli', version: '0.7.1' } as const
/** Where both programs listen for their configuration. */
const SOCKETS = '/run/wireguard'

/** WireGuard in Go, in user space. */
export const wireguardGo: Peer = {
  id: 'wireguard-go',
  title: 'wireguard-go (encrypts)',
  kind: 'user',
  encrypts: true,
  async prepare({ signal }) {
    const { path, version } = await buildGo('wireguard-go', GO_MODULE, GO_MODULE, signal)
    return { version, open: (lane) => open(lane, [path, '--foreground']) }
  },
}

/** WireGuard in Rust, in user space. */
export const boringtun: Peer = {
  id: 'boringtun',
  title: 'boringtun (encrypts)',
  kind: 'user',
  encrypts: true,
  async prepare({ signal }) {
    const { path, version } = await installCargo(BORINGTUN, signal)
    return {
      version,
      open: (lane) => open(lane, [path, '--foreground', '--disable-drop-privileges']),
    }
  },
}

interface Keys {
  /** In hexadecimal, as the configuration has them. */
  secret: string
  public: string
}

async function open(lane: Lane, command: readonly string[]): Promise<void> {
  // Their sockets have the names of the interfaces, in one directory for the whole machine. Each forwarder
  // therefore gets a /run of its own, which the kernel removes with it.
  const script = 'mount -t tmpfs none /run && exec "$@"'
  const alone = ['unshare', '--mount', '--', 'sh', '-c', script, 'sh']
  await lane.join((_, device) => [...alone, ...command, device])
  const keys = { left: makeKeys(), right: makeKeys() }
  for (const [index, end] of lane.ends.entries()) {
    const forwarder = lane.forwarders[index]
    if (!forwarder) throw new Error('a forwarder is missing')
    const socket = `/proc/${forwarder.pid}/root${SOCKETS}/lane-${end.side}.sock`
    await forwarder.until(() => existsSync(socket), `listen on ${SOCKETS}`)
    const other = end.side === 'left' ? keys.right : keys.left
    await configure(socket, end, keys[end.side], other)
  }
}

/** X25519 keys, RFC 7748. */
function makeKeys(): Keys {
  const { d = '', x = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const hex = (base64: string) => Buffer.from(base64, 'base64url').toString('hex')
  return { secret: hex(d), public: hex(x) }
}

/** One transaction of WireGuard's cross-platform user-space interface (wireguard.com/xplatform). */
async function configure(path: string, end: End, own: Keys, other: Keys): Promise<void> {
  const socket = connect(path)
  socket.end(
    [
      'set=1',
      `private_key=${own.secret}`,
      `listen_port=${end.port}`,
      `public_key=${other.public}`,
      `endpoint=127.0.0.1:${end.peerPort}`,
      'allowed_ip=0.0.0.0/0',
      'allowed_ip=::/0',
      '\n',
    ].join('\n'),
  )
  const answer = (await text(socket)).trim()
  if (answer !== 'errno=0') throw new Error(`the forwarder refused its configuration: ${answer}`)
}
