import test from 'ava'
import { checkPeers } from '../../../lib/relay/peers/options.ts'
import { openFakeRoutes } from '../../support/fakeRoutes.ts'

const B = { name: 'b', endpoint: '192.0.2.2:5001', allowedPrefixes: ['10.20.0.0/16', 'fd20::/64'] }
const NETWORKS = ['10.20.0.0/16', 'fd20::/64']
const peers = checkPeers('peers', [B])

/** Waits until something is true. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('a route that is being added while the relay closes is deleted', async (t) => {
  const { routes, table, requests, hold } = await openFakeRoutes()
  const release = hold()
  const change = routes.change([], peers, [])
  await until(() => requests.length === NETWORKS.length)
  const closing = routes.close()
  release()
  await Promise.all([change, closing])
  t.deepEqual([...table], [])
  t.deepEqual(requests, [
    ...NETWORKS.map((network) => `add ${network}`),
    ...NETWORKS.map((network) => `delete ${network}`),
  ])
})

test('no route is added after the close', async (t) => {
  const { routes, table, requests, hold } = await openFakeRoutes()
  const release = hold()
  const endpoint = { address: '10.20.0.1', port: 5001 }
  const change = routes.change([], peers, [{ name: 'b', endpoint, allowedPrefixes: NETWORKS }])
  await until(() => requests.includes('get 10.20.0.1'))
  await routes.close()
  release()
  await t.throwsAsync(change, { code: 'ERR_TUN_CLOSED' })
  t.deepEqual([[...table], requests], [[], ['get 10.20.0.1']])
})

test('a route that the interface had already is not deleted at the close', async (t) => {
  const { routes, table } = await openFakeRoutes('10.20.0.0/16')
  await routes.change([], peers, [])
  t.deepEqual([...table], NETWORKS)
  await routes.close()
  t.deepEqual([...table], ['10.20.0.0/16'])
})
