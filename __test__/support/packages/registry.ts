import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { type Server, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { PLATFORM_FOLDERS, ROOT, Tarball, manifestIn, tarballs } from './tarballs.ts'

/**
 * A package registry on loopback with our tarballs; the package has no dependencies. Platform packages that were not
 * built are listed without an addon, since package managers read all of them to choose one.
 */
export interface Registry {
  readonly url: string
  close: () => void
}

/** Starts a registry. The tarballs of the platform packages that were not built are written to `folder`. */
export async function startRegistry(folder: string): Promise<Registry> {
  const offered = [...tarballs(), ...packUnbuilt(folder)]
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

/** Packs the platform packages that were not built, without their addons. */
function packUnbuilt(folder: string): Tarball[] {
  const built = tarballs()
  const unbuilt = PLATFORM_FOLDERS.filter((path) => {
    const { name } = manifestIn(path)
    return !built.some(({ manifest }) => manifest.name === name)
  })
  // Without folders npm would pack the clone.
  if (unbuilt.length === 0) return []
  const packing = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder]
  execFileSync('npm', [...packing, ...unbuilt.map((path) => join(ROOT, path))])
  return readdirSync(folder).map((name) => new Tarball(join(folder, name)))
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
