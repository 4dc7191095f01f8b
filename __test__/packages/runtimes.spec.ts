import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { type Place, withPlace } from '../support/packages/place.ts'
import { ROOT, hasPackages, manifestIn } from '../support/packages/tarballs.ts'
import { assertTunnel } from '../support/packages/tunnel.ts'
import { hasTools, rootTest } from '../support/skip.ts'

/**
 * How each runtime installs a package, the target folder, its C libraries, and how it runs a file or an
 * installed program.
 */
const RUNTIMES = {
  bun: {
    add: ['add', 'tun2udp'],
    modules: 'node_modules',
    libraries: ['gnu'],
    run: ['run'],
    program: (name: string) => ['run', '--bun', name],
  },
  deno: {
    add: ['add', 'npm:tun2udp'],
    modules: 'node_modules/.deno',
    // It does not read the field `libc` of a package.
    libraries: ['gnu', 'musl'],
    run: ['run', '--allow-all'],
    program: (name: string) => ['run', '--allow-all', `npm:tun2udp/${name}`],
  },
} as const

/** A project with tun2udp as its only dependency, installed by the runtime itself. */
async function withInstalled(t: ExecutionContext, runtime: keyof typeof RUNTIMES): Promise<Place> {
  const place = await withPlace(t)
  place.write('package.json', JSON.stringify({ private: true }))
  await place.run(runtime, ...RUNTIMES[runtime].add)
  return place
}

for (const runtime of ['bun', 'deno'] as const) {
  const { modules, libraries, run, program } = RUNTIMES[runtime]
  const test = (title: string, body: (t: ExecutionContext, project: Place) => Promise<void>) => {
    rootTest(`${runtime}: ${title}`, async (t) => {
      if (!hasPackages(t) || !hasTools(t, runtime)) return
      await body(t, await withInstalled(t, runtime))
    })
  }

  test('what is installed writes and reads packets of a device', async (t, project) => {
    const platforms = libraries.map((library) => `tun2udp-linux-${process.arch}-${library}`)
    t.deepEqual(project.installed(modules), ['tun2udp', ...platforms])
    copyFileSync(join(ROOT, 'scripts/device-smoke.js'), join(project.folder, 'smoke.mjs'))
    const output = await project.run('unshare', '--net', runtime, ...run, 'smoke.mjs')
    t.regex(output, /^device ok on /u)
  })

  test('both programs of the package run, and tun2udp is a tunnel', async (t, project) => {
    t.regex(await project.run(runtime, ...program('tun2udp-tunctl'), '--help'), /^Create: tunctl/u)
    const version = await project.run(runtime, ...program('tun2udp'), '--version')
    t.is(version, `${manifestIn('.').version}\n`)
    await assertTunnel(t, [runtime, ...program('tun2udp')], project.folder)
  })
}
