import {
  type Namespace,
  createNamespace,
  deleteNamespace,
  inNamespace,
  listNamespaces,
  openNetlink,
} from '../../../index.ts'
import { randomBytes } from 'node:crypto'
import { type AdviceRoom, adviceCases } from './room.ts'

/** Commands before Node: no capability of that name, root otherwise. */
const without = (capability: string) => [
  'setpriv',
  '--bounding-set',
  `-${capability}`,
  '--inh-caps',
  `-${capability}`,
]
/** Commands before Node: no /proc. */
const WITHOUT_PROC = ['unshare', '--mount', 'sh', '-ec', 'umount -l /proc; exec "$@"', 'sh']

const uniqueName = () => `tun2udp-${randomBytes(5).toString('hex')}`

function inside({ t, netns }: AdviceRoom): Namespace {
  const namespace = inNamespace(netns)
  t.teardown(() => namespace.close())
  return namespace
}

/** Opens a session to a namespace and ends it. */
async function look(netns: string): Promise<string> {
  await using netlink = await openNetlink({ netns })
  return (await netlink.links.get('lo')).name
}

export const NAMESPACES = adviceCases([
  {
    advice: 'use {other} for that one, or a path such as /proc/PID/ns/net',
    run: async ({ t, refused }) => {
      const form = `pid:${process.pid}`
      await createNamespace(form)
      t.teardown(() => deleteNamespace(form))
      const message = await refused(look(form))
      const [, other = ''] = /use (\S+) for that one/u.exec(message) ?? []
      t.is(await look(other), 'lo')
      t.is(await look(`/proc/${process.pid}/ns/net`), 'lo')
    },
  },
  {
    advice: 'give a name of "ip netns list", the path of a namespace, or a process id',
    run: async ({ t, netns, refused }) => {
      await refused(look('no-such-namespace'))
      for (const name of [netns, `/run/netns/${netns}`, `${process.pid}`]) {
        t.is(await look(name), 'lo')
      }
    },
  },
  {
    advice:
      'give a name of "ip netns list" or a path; process ids need /proc, which is not mounted',
    tools: ['unshare'],
    run: async ({ t, netns, advised, script }) => {
      const body = `
        const open = (netns) => attempt(async () => (await tun2udp.openNetlink({ netns })).close())
        say(await open('1'), await open('${netns}'), await open('/run/netns/${netns}'))`
      const [message = '', ...then] = await script(body, ...WITHOUT_PROC)
      advised(message)
      t.deepEqual(then, ['works', 'works'])
    },
  },
  {
    advice: 'the file is not a network namespace: use one such as /proc/PID/ns/net',
    run: async ({ t, refused }) => {
      await refused(look(`/proc/${process.pid}/ns/uts`))
      t.is(await look(`/proc/${process.pid}/ns/net`), 'lo')
    },
  },
  {
    advice: 'it needs {} over {object}: run it as root',
    of: 'entering a namespace',
    tools: ['setpriv'],
    run: async ({ t, netns, advised, script }) => {
      const open = `
        const open = async () => (await tun2udp.openNetlink({ netns: '/run/netns/${netns}' })).close()
        say(await attempt(open))`
      const [message = ''] = await script(
        `process.chdir('/')\n${open}`,
        'unshare',
        '-n',
        ...without('sys_admin'),
      )
      advised(message)
      t.regex(message, /CAP_SYS_ADMIN over the namespace/u)
      t.deepEqual(await script(open), ['works'])
    },
  },
  {
    advice: 'it needs {} over {object}: run it as root',
    of: 'a change',
    tools: ['setpriv'],
    run: async ({ t, advised, script }) => {
      const change = `
        const netlink = await tun2udp.openNetlink()
        say(await attempt(() => netlink.links.set('lo', { up: false })))`
      const [message = ''] = await script(change, ...without('net_admin'))
      advised(message)
      t.regex(message, /CAP_NET_ADMIN over the interface's network namespace/u)
      t.deepEqual(await script(change), ['works'])
    },
  },
  {
    advice: 'raise the limit on open files (ulimit -n, sysctl fs.file-max), or close some',
    tools: ['prlimit'],
    run: async ({ t, advised, script }) => {
      const body = `
        import { closeSync, openSync } from 'node:fs'
        import { execFileSync } from 'node:child_process'
        const open = (call) => attempt(async () => (await call()).close())
        await open(() => tun2udp.openNetlink())
        const held = []
        const fill = () => { try { for (;;) held.push(openSync('/dev/null')) } catch {} }
        fill()
        const refused = await open(() => tun2udp.openNetlink())
        held.splice(0, 20).forEach((fd) => closeSync(fd))
        say(refused, await open(() => tun2udp.openNetlink()))`
      const limited = ['prlimit', '--nofile=128:256']
      const [message = '', then] = await script(body, ...limited)
      advised(message)
      t.is(then, 'works')
    },
  },
  {
    advice: 'it needs /proc, which may not be mounted',
    tools: ['unshare'],
    run: async ({ t, advised, script }) => {
      const name = uniqueName()
      const create = `
        say(await attempt(() => tun2udp.createNamespace('${name}')))
        await tun2udp.deleteNamespace('${name}').catch(() => undefined)`
      const [message = ''] = await script(create, ...WITHOUT_PROC)
      advised(message)
      t.deepEqual(await script(create), ['works'])
    },
  },
  {
    advice: 'choose another name, or delete it first',
    run: async ({ t, refused }) => {
      const [name, other] = [uniqueName(), uniqueName()]
      await createNamespace(name)
      t.teardown(() => deleteNamespace(name))
      await refused(createNamespace(name))
      await createNamespace(other)
      await deleteNamespace(other)
      await deleteNamespace(name)
      await createNamespace(name)
    },
  },
  {
    advice: 'no namespace has that name: list them',
    run: async ({ t, refused }) => {
      const name = uniqueName()
      await createNamespace(name)
      await refused(deleteNamespace(`${name}x`))
      const listed = (await listNamespaces()).find((other) => `${name}x`.startsWith(other))
      t.is(listed, name)
      await deleteNamespace(listed ?? '')
    },
  },
  {
    advice: 'choose another port, or 0 for a free one',
    run: async (room) => {
      const namespace = inside(room)
      const taken = await listen(namespace, { host: '127.0.0.1', port: 0 })
      room.t.teardown(() => {
        taken.close()
      })
      await room.refused(listen(namespace, { host: '127.0.0.1', port: taken.port }))
      ;(await listen(namespace, { host: '127.0.0.1', port: 0 })).close()
    },
  },
  {
    advice:
      'no interface of the namespace has the address; "ip address" in the namespace lists them',
    run: async (room) => {
      const { t, ip, refused } = room
      const namespace = inside(room)
      await refused(listen(namespace, { host: '192.0.2.1', port: 0 }))
      const [address = ''] = /127\.0\.0\.\d+/u.exec(await ip('address')) ?? []
      ;(await listen(namespace, { host: address, port: 0 })).close()
      await ip('address add 192.0.2.1/24 dev lo')
      ;(await listen(namespace, { host: '192.0.2.1', port: 0 })).close()
      t.pass()
    },
  },
  {
    advice:
      'ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE: run it as root, or choose another port',
    of: 'a server',
    tools: ['setpriv'],
    run: async ({ t, netns, advised, script }) => {
      const body = `
        const namespace = await tun2udp.inNamespace('${netns}')
        const listen = (port) => attempt(() => new Promise((resolve, reject) => {
          const server = namespace.listen({ host: '127.0.0.1', port })
          server.on('error', reject).on('listening', () => server.close(resolve))
        }))
        say(await listen(7), await listen(1024))
        await namespace.close()`
      const [message = '', then] = await script(body, ...without('net_bind_service'))
      advised(message)
      t.is(then, 'works')
      t.deepEqual(await script(body), ['works', 'works'])
    },
  },
  {
    advice: 'mount /proc/sys writable',
    tools: ['unshare'],
    run: async ({ t, advised, script }) => {
      const body = `
        import { execFileSync } from 'node:child_process'
        const build = () => attempt(async () => {
          const network = await tun2udp.testNetwork({ hosts: { a: { router: true } } })
          await network.close()
        })
        const refused = await build()
        execFileSync('mount', ['-o', 'remount,bind,rw', '/proc/sys'])
        say(refused, await build())`
      const bind = 'mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; exec "$@"'
      const prefix = ['unshare', '--mount', 'sh', '-ec', bind, 'sh']
      const [message = '', then] = await script(body, ...prefix)
      advised(message)
      t.is(then, 'works')
    },
  },
  {
    advice: 'resolve a name before the call',
    run: async (room) => {
      const namespace = inside(room)
      await room.refused(listen(namespace, { host: 'example.org', port: 0 }))
      ;(await listen(namespace, { host: '127.0.0.1', port: 0 })).close()
    },
  },
])

/** A server that listens, with its port. */
interface Listening {
  port: number
  close: () => void
}

async function listen(
  namespace: Namespace,
  options: { host: string; port: number },
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = namespace.listen(options)
    server.on('error', reject)
    server.on('listening', () => {
      const { port } = server.address() as { port: number }
      resolve({
        port,
        close: () => {
          server.close()
        },
      })
    })
  })
}
