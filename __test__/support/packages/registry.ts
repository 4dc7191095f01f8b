import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { PLATFORM_FOLDERS, ROOT, Tarball, manifestIn, tarballs } from './tarballs.ts'

/** Packages that `npm install` may request in addition to our own; they come from the clone's node_modules. */
const DEPENDENCIES = ['commander', 'ipaddr.js', 'jsonc-parser']

/**
 * A package registry on loopback with our tarballs and their dependencies. Platform packages that were not built are
 * listed without an addon, since package managers read all of them to choose one.
 */
export interface Registry {
  readonly url: string
  close: () => void
}

/** Starts a registry. The tarballs of the dependencies are written to `folder`. */
export async function startRegistry(folder: string): Promise<Registry> {
  const built = tarballs()
  const unbuilt = PLATFORM_FOLDERS.filter((path) => {
    const { name } = manifestIn(path)
    return !built.some(({ manifest }) => manifest.name === name)
  })
  const folders = [...DEPENDENCIES.map((name) => `node_modules/${name}`), ...unbuilt]
  // Scripts of the dependencies would build them from sources that their packages do not have.
  const packing = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder]
  execFileSync('npm', [...packing, ...folders.map((path) => join(ROOT, path))])
  const packed = execFileSync('ls', [folder], { encoding: 'utf8' }).trim().split('\n')
  const offered = [...built, ...packed.map((name) => new Tarball(join(folder, name)))]
  const server = createServer((request, response) => {
    // A client may reach it through a proxy, under another port.
    const url = `http://${request.headers.host ?? ''}`
    answer(decodeURIComponent(request.url ?? '/').slice(1), offered, url, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: urlOf(server),
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function answer(path: string, offered: Tarball[], url: string, response: ServerResponse): void {
  const file = offered.find((one) => basename(one.path) === path)
  if (file !== undefined) {
    response.end(readFileSync(file.path))
    return
  }
  const named = offered.find(({ manifest }) => manifest.name === path)
  if (named === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
    return
  }
  const { manifest } = named
  const integrity = `sha512-${createHash('sha512').update(readFileSync(named.path)).digest('base64')}`
  const dist = { tarball: `${url}/${basename(named.path)}`, integrity }
  const versions = { [manifest.version]: { ...manifest, dist } }
  const document = { name: path, 'dist-tags': { latest: manifest.version }, versions }
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
}
