import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openTap, openTun } from '../../../index.ts'
import { hostOf, platformOf } from '../../../lib/native/host.ts'
import { asNobody } from '../nobody.ts'
import { tapIn, tunIn } from '../device.ts'
import { type AdviceRoom, adviceCases } from './room.ts'

const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url))

/** A copy of the addon in a directory of its own, and a call of the package that loads it. */
async function withAddon({ t, script }: AdviceRoom) {
  const directory = await mkdtemp(join(tmpdir(), 'tun2udp-advice-'))
  t.teardown(() => rm(directory, { recursive: true }))
  await chmod(directory, 0o755)
  const file = join(directory, 'addon.node')
  const built = `${DIST}tun2udp.${platformOf(hostOf())}.node`
  await copyFile(built, file)
  const load = async (path: string | undefined, ...prefix: string[]) => {
    const env =
      path === undefined ? '-uNAPI_RS_NATIVE_LIBRARY_PATH' : `NAPI_RS_NATIVE_LIBRARY_PATH=${path}`
    const body = 'say(await attempt(() => tun2udp.listDevices()))'
    const [result = ''] = await script(body, ...prefix, 'env', env)
    return result
  }
  return { directory, built, file, load }
}

export const OPTIONS = adviceCases([
  {
    advice: 'leave those out',
    run: async ({ t, namespace, netns, refused }) => {
      const packetInformation = true
      await refused(openTun({ netns, packetInformation, offload: ['tso'] }))
      await refused(openTun({ netns, packetInformation, vnetHeaderBytes: 10 }))
      await tunIn(t, namespace, { packetInformation })
    },
  },
  {
    advice: 'use openTap()',
    run: async ({ t, namespace, netns, refused }) => {
      const mac = { macAddress: '02:00:00:00:00:01' }
      await refused(openTun({ netns, ...mac }))
      await tapIn(t, namespace, mac)
      const napi = { napi: true, napiFrags: true }
      await refused(openTun({ netns, ...napi }))
      await tapIn(t, namespace, napi)
    },
  },
  {
    advice: 'leave it out',
    of: 'several queues',
    run: async ({ t, namespace, netns, refused }) => {
      await refused(openTap({ netns, multiQueue: false, queues: 2 }))
      t.is((await tapIn(t, namespace, { queues: 2 })).queues, 2)
    },
  },
  {
    advice: 'unset NAPI_RS_NATIVE_LIBRARY_PATH, or let it name an addon',
    run: async (room) => {
      const { file, load } = await withAddon(room)
      room.advised(await load(`${file}x`))
      room.t.is(await load(undefined), 'works')
      room.t.is(await load(file), 'works')
    },
  },
  {
    advice: 'let this user read the file and enter its directories (chmod)',
    tools: ['setpriv', 'unshare'],
    isOtherUser: true,
    run: async (room) => {
      const { directory, file, load } = await withAddon(room)
      await chmod(directory, 0o700)
      room.advised(await load(file, ...asNobody()))
      await chmod(directory, 0o755)
      await chmod(file, 0o600)
      room.advised(await load(file, ...asNobody()))
      await chmod(file, 0o755)
      room.t.is(await load(file, ...asNobody()), 'works')
    },
  },
  {
    advice:
      'the file system is mounted with noexec, or a security module forbids to map the file: move it to another file system',
    tools: ['unshare'],
    run: async (room) => {
      const { directory, file, load } = await withAddon(room)
      const moved = `${directory}-moved.node`
      const mount = `mount -t tmpfs -o noexec tmpfs ${directory}; cp ${DIST}*.node ${file}`
      const inMount = (script: string) => [
        'unshare',
        '--mount',
        'sh',
        '-ec',
        `${script}; exec "$@"`,
        'sh',
      ]
      room.advised(await load(file, ...inMount(mount)))
      room.t.teardown(() => rm(moved, { force: true }))
      room.t.is(await load(moved, ...inMount(`${mount}; mv ${file} ${moved}`)), 'works')
    },
  },
  {
    advice: 'the file is for another processor or C library, or damaged: {}',
    run: async (room) => {
      const { built, file, load } = await withAddon(room)
      for (const damaged of ['short', 'not an addon'.repeat(1_000)]) {
        await writeFile(file, damaged)
        room.advised(await load(file))
      }
      await copyFile(built, file)
      room.t.is(await load(file), 'works')
    },
  },
])
