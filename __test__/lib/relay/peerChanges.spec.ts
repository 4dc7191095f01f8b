import test from 'ava'
import type { NativePeer, NativeRelay } from '#binding'
import { PeerNames } from '../../../lib/relay/names/peerNames.ts'
import { checkOptions } from '../../../lib/relay/options.ts'
import type { RelayPeer } from '../../../lib/relay/peers/options.ts'
import { newPeers } from '../../../lib/relay/peers/peers.ts'
import { resolveEnds } from '../../../lib/relay/peers/resolve.ts'
import type { PeerRoutes } from '../../../lib/relay/peers/routes.ts'
import { openFakeRoutes } from '../../support/fakeRoutes.ts'
import { openLookUps } from '../../support/names.ts'

const B = { name: 'b', endpoint: '192.0.2.2:5001', allowedPrefixes: ['10.9.0.2/32'] }
const SLOW = { name: 's', endpoint: 'slow.example:5001', allowedPrefixes: ['10.9.0.9/32'] }
const C = {
  name: 'c',
  endpoint: '192.0.2.3:5001',
  allowedPrefixes: ['10.9.0.3/32', '10.20.0.0/16'],
}
/** The name of a peer that the native layer refuses. */
const REFUSED = 'refused'
const CLOSED = { code: 'ERR_TUN_CLOSED', message: 'change the peers: the relay is closed' }

/** Waits until something is true. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** The peers of a relay whose native layer only records the calls. */
async function build(given: RelayPeer[], routes?: PeerRoutes) {
  const checked = checkOptions({ addresses: ['10.9.0.1/24'], receivePort: 5001, peers: given })
  const lookUps = openLookUps()
  const names = new PeerNames({ isWaiting: false, report: () => undefined }, lookUps.tools)
  const ends = await resolveEnds(checked, names)
  /** The names of the peers of each call. */
  const calls: (string | undefined)[][] = []
  const setPeers = (peers: NativePeer[]) => {
    calls.push(peers.map(({ name }) => name))
    const isRefused = peers.some(({ name }) => name === REFUSED)
    return isRefused ? Promise.reject(new Error('refused')) : Promise.resolve()
  }
  const native = { peers: () => [], setPeers } as unknown as NativeRelay
  let isClosed = false
  const close = () => {
    isClosed = true
    names.close()
  }
  const peers = newPeers({ native, ...ends, routes, isClosed: () => isClosed })
  return { peers, lookUps, calls, close }
}

test('a change that waits for DNS is made once there is an address', async (t) => {
  const { peers, lookUps, calls } = await build([B])
  const change = peers.add(SLOW)
  await until(() => lookUps.running().length > 0)
  t.deepEqual(calls, [])
  lookUps.reply('slow.example', '192.0.2.9')
  await change
  t.deepEqual(calls, [['b', 's']])
  t.deepEqual(
    lookUps.followed.map(({ name, address }) => [name, address]),
    [['slow.example', '192.0.2.9']],
  )
})

test('a change that waits for DNS is refused when the relay is closed', async (t) => {
  const { peers, lookUps, calls, close } = await build([B])
  const changes = [peers.add(SLOW), peers.remove('b')]
  await until(() => lookUps.running().length > 0)
  close()
  for (const change of changes) await t.throwsAsync(change, CLOSED)
  t.deepEqual([calls, lookUps.running(), lookUps.followed], [[], [], []])
  t.deepEqual(
    peers.list().map(({ name }) => name),
    ['b'],
  )
})

test('a change whose address arrives as the relay is closed is refused', async (t) => {
  const { peers, lookUps, calls, close } = await build([B])
  const change = peers.add(SLOW)
  await until(() => lookUps.running().length > 0)
  lookUps.reply('slow.example', '192.0.2.9')
  close()
  await t.throwsAsync(change, CLOSED)
  t.deepEqual([calls, lookUps.followed], [[], []])
})

test('a change whose routes cannot be deleted does not reach the peers', async (t) => {
  const all = ['10.20.0.0/16', '10.9.0.2/32', '10.9.0.3/32']
  const { routes, table, refuseDeletions } = await openFakeRoutes(...all)
  const { peers, calls } = await build([B, C], routes)
  const names = () => peers.list().map(({ name }) => name)
  refuseDeletions(true)
  const refused = {
    code: 'ERR_TUN_PERMISSION',
    message: /; a process that has dropped its privil/u,
  }
  await t.throwsAsync(peers.remove('c'), refused)
  await t.throwsAsync(peers.replace([C]), refused)
  t.deepEqual([calls, names(), [...table].sort()], [[], ['b', 'c'], all])
  refuseDeletions(false)
  await peers.remove('c')
  t.deepEqual([calls, names(), [...table]], [[['b']], ['b'], ['10.9.0.2/32']])
})

test('the routes are as before if the relay refuses the peers', async (t) => {
  const all = ['10.20.0.0/16', '10.9.0.2/32', '10.9.0.3/32']
  const { routes, table, requests } = await openFakeRoutes(...all)
  const { peers } = await build([B, C], routes)
  const after = { ...B, name: REFUSED, allowedPrefixes: ['10.20.0.0/16', '10.30.0.0/16'] }
  await t.throwsAsync(peers.replace([after]), { message: /refused/u })
  t.deepEqual([...table].sort(), all)
  // The route of a network that moves is not touched.
  t.false(requests.some((request) => request.endsWith('10.20.0.0/16')))
  await peers.replace([{ ...after, name: 'b' }])
  t.deepEqual([...table].sort(), ['10.20.0.0/16', '10.30.0.0/16'])
})
