import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import { cleanEnvironment } from '../program.ts'
import { type Registry, startRegistry } from './registry.ts'

const execute = promisify(execFile)

/** A folder, and commands in it that reach only our own registry. */
export class Place {
  readonly folder: string
  readonly #env: NodeJS.ProcessEnv

  constructor(folder: string, registry: Registry) {
    this.folder = folder
    this.#env = cleanEnvironment({
      NPM_CONFIG_REGISTRY: registry.url,
      npm_config_cache: join(folder, 'cache'),
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      BUN_INSTALL_CACHE_DIR: join(folder, 'cache/bun'),
      DENO_DIR: join(folder, 'cache/deno'),
    })
  }

  async run(file: string, ...args: string[]): Promise<string> {
    const { stdout } = await execute(file, args, { cwd: this.folder, env: this.#env })
    return stdout
  }

  /** The packages of tun2udp in a folder, without their versions: the root package, then those of platforms. */
  installed(modules = 'node_modules'): string[] {
    const names = readdirSync(join(this.folder, modules)).map((name) => name.split('@')[0] ?? name)
    return names.filter((name) => name.startsWith('tun2udp')).toSorted()
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text)
  }
}

/** Creates an empty folder, which is removed after the test. */
export async function withPlace(t: ExecutionContext): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-install-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  mkdirSync(join(folder, 'registry'))
  const registry = await startRegistry(join(folder, 'registry'))
  t.teardown(registry.close)
  return new Place(folder, registry)
}

/** Creates a project in it whose only dependency is tun2udp, installed by npm without scripts. */
export async function withProject(t: ExecutionContext): Promise<Place> {
  const place = await withPlace(t)
  place.write('package.json', JSON.stringify({ private: true }))
  await place.run('npm', 'install', '--ignore-scripts', 'tun2udp')
  return place
}
