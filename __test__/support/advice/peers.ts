import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Relay, type RelayOptions, startRelay } from '../../../index.ts'
import { startProgram } from '../program.ts'
import { type AdviceRoom, adviceCases } from './room.ts'

const B = { name: 'b', endpoint: '127.0.0.1:5002', allowedPrefixes: ['10.9.0.2/32'] }
const C = { name: 'c', endpoint: '127.0.0.1:5003', allowedPrefixes: ['10.9.0.3/32'] }
const FORMS = { addresses: ['10.9.0.1/24'], receivePort: 0 }

async function start({ netns }: AdviceRoom, options: Partial<RelayOptions>): Promise<Relay> {
  return startRelay({ ...FORMS, netns, ...options })
}

/** Expects that a relay with the first peers is refused, and one with the second peers starts. */
async function expectPeers(
  room: AdviceRoom,
  refused: RelayOptions['peers'],
  accepted: RelayOptions['peers'],
): Promise<void> {
  await room.refused(start(room, { peers: refused }))
  await (await start(room, { peers: accepted })).close()
}

/** Runs the program with a path in a folder that has a configuration file and a folder, until it is refused or ready. */
async function expectConfig(room: AdviceRoom, refused: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tun2udp-advice-'))
  try {
    await mkdir(join(folder, 'folder'))
    const text = JSON.stringify({ ...FORMS, peers: [B, C] })
    await writeFile(join(folder, 'hub.jsonc'), text)
    const run = (name: string) =>
      startProgram(['--config', join(folder, name)], { netns: room.netns })
    const { status, stderr } = await run(refused).ended
    room.t.not(status, 0)
    room.advised(stderr)
    const program = run('hub.jsonc')
    await program.until('stdout', /^ready: /u)
    room.t.is((await program.end()).status, 0)
  } finally {
    await rm(folder, { recursive: true })
  }
}

export const PEERS = adviceCases([
  {
    advice: '{} has it too',
    run: async (room) => {
      await expectPeers(room, [B, { ...C, allowedPrefixes: ['10.9.0.2/32'] }], [B, C])
    },
  },
  {
    advice: 'put an IPv6 address in brackets',
    run: async (room) => {
      await expectPeers(room, [{ ...B, endpoint: '::1:5002' }], [{ ...B, endpoint: '[::1]:5002' }])
    },
  },
  {
    advice: 'relay.peers.list() has the names',
    run: async (room) => {
      await using relay = await start(room, { peers: [B, C] })
      await room.refused(relay.peers.remove('d'))
      const name = relay.peers.list()[1]?.name ?? ''
      await relay.peers.remove(name)
      room.t.is(relay.peers.list().length, 1)
    },
  },
  {
    advice: 'start the relay with `allowedPrefixes` (--allow) for its peer',
    run: async (room) => {
      const one = await start(room, { peers: [{ endpoint: B.endpoint }] })
      await room.refused(one.peers.add(C))
      await one.close()
      await using many = await start(room, { peers: [B] })
      await many.peers.add(C)
      room.t.is(many.peers.list().length, 2)
    },
  },
  {
    advice:
      'a process that has dropped its privileges cannot change the routes of peers: give `routes` as a list of networks that contains them all',
    run: async (room) => {
      const networks = '10.20.0.0/16'
      const [message = '', ...then] = await room.script(`
        const D = { name: 'd', endpoint: '127.0.0.1:5004', allowedPrefixes: ['10.20.4.0/24'] }
        const options = { addresses: ['10.9.0.1/24'], receivePort: 0, peers: ${JSON.stringify([B, C])} }
        const withPeers = await tun2udp.startRelay({ ...options, routes: true })
        const other = { ...options, addresses: ['10.8.0.1/24'], routes: ['${networks}'] }
        const withNetworks = await tun2udp.startRelay(other)
        process.setgid(65534)
        process.setuid(65534)
        for (const relay of [withPeers, withNetworks]) say(await attempt(() => relay.peers.add(D)))
        for (const relay of [withPeers, withNetworks]) await relay.close()`)
      room.advised(message)
      room.t.deepEqual(then, ['works'])
    },
  },
  {
    advice: 'give it as a prefix of one of the peers',
    run: async (room) => {
      const allowed = '10.20.0.0/16'
      await room.refused(start(room, { peers: [B, C], allowedPrefixes: [allowed] }))
      const peer = { ...B, allowedPrefixes: [...B.allowedPrefixes, allowed] }
      await using relay = await start(room, { peers: [peer, C] })
      room.t.true(relay.peers.list()[0]?.allowedPrefixes.includes(allowed))
    },
  },
  {
    advice: 'start the relay again to change it',
    run: async (room) => {
      const options = { ...FORMS, netns: room.netns, peers: [B, C] }
      const relay = await startRelay(options)
      await room.refused(relay.reload({ ...options, mtu: 1300 }))
      await relay.close()
      await using again = await startRelay({ ...options, mtu: 1300 })
      room.t.is(again.info.interface.mtu, 1300)
    },
  },
  {
    advice: 'check the path after --config',
    run: async (room) => {
      await expectConfig(room, 'hbu.jsonc')
    },
  },
  {
    advice: 'give the path of a file',
    run: async (room) => {
      await expectConfig(room, 'folder')
    },
  },
])
