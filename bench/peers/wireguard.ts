import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Lane } from '../lane/lane.ts'
import type { Spoke, Star } from '../lane/star.ts'
import { type Testbed, addressOf } from '../lane/testbed.ts'
import { installCargo } from '../native/cargo.ts'
import { buildGo } from '../native/go.ts'
import type { Peer, ReadyPeer } from './peer.ts'

const GO_MODULE = 'golang.zx2c4.com/wireguard'
const BORINGTUN = { crate: 'boringtun-cli', version: '0.7.1' } as const
/** boringtun reads the MTU of its interface once, right after it has made it, and cuts longer packets. */
const LONGEST_OF_BORINGTUN = 1500
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
    return { version, ...starting([path, '--foreground']) }
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
      ...starting([path, '--foreground', '--disable-drop-privileges'], LONGEST_OF_BORINGTUN),
    }
  },
}

function starting(
  command: Command,
  longest = Infinity,
): Required<Pick<ReadyPeer, 'open' | 'openStar'>> {
  return {
    async open(lane) {
      checkMtu(lane, longest)
      await open(lane, command)
    },
    async openStar(star) {
      checkMtu(star, longest)
      await openStar(star, command)
    },
  }
}

function checkMtu({ mtu }: Testbed, longest: number): void {
  if (mtu > longest) throw new Error(`it carries packets of at most ${longest} bytes`)
}

interface Keys {
  /** In hexadecimal, as the configuration has them. */
  secret: string
  public: string
}

/** A program that makes the interface whose name is its last argument. */
type Command = readonly string[]

/** An end of a tunnel, as a peer of another. */
interface Neighbour {
  readonly key: string
  readonly port: number
  readonly allowed: readonly string[]
}

async function open(lane: Lane, command: Command): Promise<void> {
  const keys = { left: makeKeys(), right: makeKeys() }
  for (const end of lane.ends) {
    const other = end.side === 'left' ? keys.right : keys.left
    const neighbour = { key: other.public, port: end.peerPort, allowed: ['0.0.0.0/0', '::/0'] }
    const named = { ...end, name: end.side }
    await start(lane, named, command, { secret: keys[end.side].secret, neighbours: [neighbour] })
  }
}

async function openStar(star: Star, command: Command): Promise<void> {
  const keys = new Map(star.ends.map((end) => [end, makeKeys()] as const))
  for (const end of star.ends) {
    const neighbours = (end === star.hub ? star.spokes : [star.hub]).map((other) => ({
      key: keys.get(other)?.public ?? '',
      port: other.port,
      allowed: [`${addressOf(other, 0)}/32`, `${addressOf(other, 1)}/128`],
    }))
    await start(star, end, command, { secret: keys.get(end)?.secret ?? '', neighbours })
  }
}

/** Starts a forwarder, and configures it and its interface. */
async function start(
  bed: Testbed,
  end: Spoke,
  command: Command,
  { secret, neighbours }: { secret: string; neighbours: readonly Neighbour[] },
): Promise<void> {
  // Their sockets have the names of the interfaces, in one directory for the whole machine. Each forwarder
  // therefore gets a /run of its own, which the kernel removes with it.
  const script = 'mount -t tmpfs none /run && exec "$@"'
  const alone = ['unshare', '--mount', '--', 'sh', '-c', script, 'sh']
  const device = `lane-${end.name}`
  const forwarder = await bed.forward(end, [...alone, ...command, device])
  await forwarder.until(() => end.host.has(device), `make the interface ${device}`)
  await bed.adopt(device, end)
  const socket = `/proc/${forwarder.pid}/root${SOCKETS}/${device}.sock`
  await forwarder.until(() => existsSync(socket), `listen on ${SOCKETS}`)
  await configure(socket, [
    `private_key=${secret}`,
    `listen_port=${end.port}`,
    ...neighbours.flatMap(({ key, port, allowed }) => [
      `public_key=${key}`,
      `endpoint=127.0.0.1:${port}`,
      ...allowed.map((prefix) => `allowed_ip=${prefix}`),
    ]),
  ])
}

/** X25519 keys, RFC 7748. */
function makeKeys(): Keys {
  const { d = '', x = '' } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  const hex = (base64: string) => Buffer.from(base64, 'base64url').toString('hex')
  return { secret: hex(d), public: hex(x) }
}

/** One transaction of WireGuard's cross-platform user-space interface (wireguard.com/xplatform). */
async function configure(path: string, lines: readonly string[]): Promise<void> {
  const socket = connect(path)
  socket.end(['set=1', ...lines, '\n'].join('\n'))
  const answer = (await text(socket)).trim()
  if (answer !== 'errno=0') throw new Error(`the forwarder refused its configuration: ${answer}`)
}
