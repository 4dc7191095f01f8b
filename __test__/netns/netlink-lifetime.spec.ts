import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Namespace, withNamespace } from '../support/namespace.ts'
import { cleanEnvironment } from '../support/program.ts'
import { rootTest } from '../support/skip.ts'

const execute = promisify(execFile)
const INDEX = new URL('../../dist/index.js', import.meta.url).href
const TIMEOUT_MS = 30_000

/** Runs a script in a separate process, outside of the namespace that `netns` in it names; returns its stdout. */
async function run({ name }: Namespace, script: string): Promise<string> {
  const prelude = `
    import { openNetlink } from '${INDEX}'
    import { readdirSync, readlinkSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    import { Worker } from 'node:worker_threads'
    const netns = '${name}'
    const sockets = () => readdirSync('/proc/self/fd').filter((fd) => {
      try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket:') } catch { return false }
    }).length
  `
  const args = ['--input-type=module', '-e', prelude + script]
  const options = {
    env: cleanEnvironment(),
    timeout: TIMEOUT_MS,
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  }
  const { stdout } = await execute(process.execPath, args, options)
  return stdout.trim()
}

rootTest(
  'an open session does not keep the process alive, and a watch that is waited for does',
  async (t) => {
    const namespace = await withNamespace(t)
    t.is(await run(namespace, `await openNetlink({ netns }); console.log('open')`), 'open')
    const said = await run(
      namespace,
      `
    const monitor = (await openNetlink({ netns })).monitor(['link'])
    setTimeout(() => { console.log('waiting'); monitor.close() }, 200).unref()
    console.log((await monitor.next()).done)
    `,
    )
    t.is(said, 'waiting\ntrue')
  },
)

rootTest('process.exit() and worker.terminate() end whatever is under way', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `
    const before = sockets()
    for (let turn = 0; turn < 10; turn++) {
      const worker = new Worker(\`
        import { parentPort } from 'node:worker_threads'
        import { openNetlink } from '${INDEX}'
        const netlink = await openNetlink({ netns: '\${netns}' })
        void netlink.monitor(['link', 'route']).next()
        void netlink.links.list()
        void netlink.waitFor('lo', () => false)
        parentPort.postMessage('ready')
      \`, { eval: true })
      await new Promise((resolve) => worker.once('message', resolve))
      await worker.terminate()
    }
    await sleep(200)
    console.log(sockets() - before <= 1 ? 'none left' : sockets() - before)
    const netlink = await openNetlink({ netns })
    void netlink.monitor(['link']).next()
    void netlink.addresses.add('lo', '10.0.0.1')
    process.exit(0)
    `,
  )
  t.is(said, 'none left')
})

rootTest('many sessions, watches and dumps leave no descriptor', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `
    const count = () => readdirSync('/proc/self/fd').length
    const cycle = async () => {
      const netlink = await openNetlink({ netns })
      const monitor = netlink.monitor(['link'])
      const waiting = monitor.next()
      await netlink.links.list()
      for await (const link of netlink.links.stream()) break
      monitor.close()
      await waiting
      await netlink.links.get('absent').catch(() => undefined)
      netlink.close()
    }
    for (let turn = 0; turn < 5; turn++) await cycle()
    const settled = async () => { await sleep(100); return count() }
    const before = await settled()
    for (let turn = 0; turn < 100; turn++) await cycle()
    const left = (await settled()) - before
    console.log(left <= 2 ? 'none left' : left)
    `,
  )
  t.is(said, 'none left')
})

rootTest('what waits on a session ends with it, and the process by itself', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `
    import { getEventListeners } from 'node:events'
    const before = sockets()
    const netlink = await openNetlink({ netns })
    await netlink.addresses.addMany('lo', Array.from({ length: 4000 }, (_, i) => \`10.0.\${i >> 8}.\${i & 255}\`))
    const { signal } = new AbortController()
    const monitor = netlink.monitor(['link', 'address'], { signal })
    const idle = netlink.monitor(['route'], { signal })
    const code = (promise) => promise.then(() => 'resolved', (error) => error.code ?? String(error))
    const left = netlink.addresses.stream()
    await left.next()
    const waiting = [
      monitor.next().then(({ done }) => 'done ' + done),
      monitor.next().then(({ done }) => 'done ' + done),
      code((async () => { for await (const event of netlink.monitor(['rule'])) console.log(event) })()),
      code(netlink.waitFor('absent', (link) => link !== undefined)),
      code(netlink.waitFor('lo', (link) => link === undefined, { signal, timeoutMs: 1_000_000 })),
    ]
    await sleep(200)
    const unsent = netlink.links.set('lo', { mtu: 1400 })
    netlink.close()
    waiting.push(code(unsent), code(netlink.links.list()), code(netlink.waitFor('lo', () => true)))
    waiting.push(code((async () => { for await (const one of left) void one })()))
    console.log((await Promise.all(waiting)).join(', '))
    console.log((await idle.next()).done, getEventListeners(signal, 'abort').length)
    netlink.close()
    await sleep(200)
    console.log(sockets() - before)
    process.on('exit', () => console.log('by itself'))
    `,
  )
  const aborted = 'ERR_TUN_CLOSED'
  const streams = ['done true', 'done true', 'resolved', aborted, aborted]
  t.deepEqual(said.split('\n'), [
    [...streams, aborted, aborted, aborted, aborted].join(', '),
    'true 0',
    '0',
    'by itself',
  ])
})
