import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { type Server, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { Machine } from '../docs/machine.ts'
import type { StartMachine } from '../docs/walks/walk.ts'
import { startRegistry } from './registry.ts'

/** The port of the registry on the loopback of each machine. */
const PORT = 4873

/** Passes connections of a machine to the registry: a machine has no network of this one. */
const PROXY = `
const { connect, createServer } = require('node:net')
createServer((near) => {
  const far = connect(process.argv[1])
  near.pipe(far).pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
}).listen(${PORT}, '127.0.0.1', () => console.log('listening'))
`

/**
 * Returns a function that starts machines with a Node, npm and a registry with the packed packages, but
 * without tun2udp.
 */
export async function emptyMachines(t: ExecutionContext, node: string): Promise<StartMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-first-hour-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  mkdirSync(join(folder, 'registry'))
  const registry = await startRegistry(join(folder, 'registry'))
  const path = join(folder, 'registry.sock')
  const door = await openDoor(path, Number(new URL(registry.url).port))
  t.teardown(() => {
    door.close()
    registry.close()
  })
  const env = {
    npm_config_registry: `http://127.0.0.1:${PORT}`,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
    npm_config_cache: '/home/.npm',
  }
  return async (host) => {
    const machine = await Machine.start(t, host, { node, isEmpty: true, env })
    const proxy = machine.start(['node', '-e', PROXY, path], {}, 2 ** 30)
    await proxy.until('stdout', /listening/u)
    return machine
  }
}

/** Listens on a socket of the file system, which all machines see, and connects to a local port. */
async function openDoor(path: string, port: number): Promise<Server> {
  const door = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    near.pipe(far).pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  })
  return new Promise((resolve, reject) => {
    door.once('error', reject)
    door.listen(path, () => {
      resolve(door)
    })
  })
}
