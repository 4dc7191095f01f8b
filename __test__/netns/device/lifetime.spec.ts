import { untilLinks } from '../../support/gone.ts'
import { type Namespace, withNamespace } from '../../support/namespace.ts'
import { INDEX, runModule } from '../../support/script.ts'
import { rootTest as test } from '../../support/skip.ts'

/** Runs a module inside the namespace; it can use `openTun`, `links`, `gone`, `send`, `worker` and `sleep`. */
async function run(namespace: Namespace, script: string, ...flags: string[]): Promise<string> {
  const prelude = `
    import { readdirSync } from 'node:fs'
    import { execFileSync } from 'node:child_process'
    import { once } from 'node:events'
    import { Worker } from 'node:worker_threads'
    import { openTun } from '${INDEX}'
    const options = { name: 'vpn0', addresses: ['10.8.0.1/24'] }
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const links = () => JSON.parse(execFileSync('ip', ['-j', 'link'])).map((l) => l.ifname).filter((n) => n !== 'lo').join()
    const gone = async () => { while (links() !== '') await sleep(10) }
    const send = () => execFileSync('bash', ['-c', 'echo -n x > /dev/udp/10.8.0.2/9'])
    const worker = (body) => new Worker(
      \`import { parentPort } from 'node:worker_threads'
        import { openTun } from '${INDEX}'
        const options = { name: 'vpn0', addresses: ['10.8.0.1/24'] }
        \${body}\`, { eval: true })
    `
  return runModule(namespace, prelude + script, ...flags)
}

test('who waits for a packet keeps the process alive, an open device alone does not', async (t) => {
  const namespace = await withNamespace(t)
  const waiting = `
    const tun = await openTun(options)
    void tun.read().then((packet) => console.log('read', packet.length))
    setTimeout(send, 200).unref()`
  t.is(await run(namespace, waiting), 'read 29')
  t.is(
    await run(namespace, `globalThis.tun = await openTun(options); console.log(links())`),
    'vpn0',
  )
})

test('a device that is unreferenced holds nobody up, until it is referenced again', async (t) => {
  const namespace = await withNamespace(t)
  const script = (call: string) => `
    const tun = await openTun(options)
    tun${call}
    void tun.read().then((packet) => console.log('read', packet.length))
    process.once('beforeExit', () => console.log('idle'))
    setTimeout(send, 200).unref()`
  t.is(await run(namespace, script('.unref()')), 'idle')
  t.is(await run(namespace, script('.unref().ref()')), 'read 29\nidle')
})

test('process.exit() during a read ends at once and leaves nothing', async (t) => {
  const namespace = await withNamespace(t)
  const script = `
    const tun = await openTun(options)
    void tun.read()
    setTimeout(() => process.exit(0), 50)`
  t.is(await run(namespace, script), '')
  await untilLinks(t, namespace, [])
})

test('worker.terminate() closes the devices of the worker, whatever they do', async (t) => {
  const namespace = await withNamespace(t)
  const bodies = [
    'await openTun(options)',
    'const tun = await openTun(options); void tun.read()',
    'const tun = await openTun(options); const read = tun.read(); void tun.close(); void read',
    'const tun = await openTun(options); void tun.close(); for (;;) await openTun(options).then((t) => t.close())',
  ]
  for (const body of bodies) {
    const said = await run(
      namespace,
      `const w = worker(${JSON.stringify(`parentPort.postMessage('ready');${body}`)})
      await once(w, 'message')
      await sleep(100)
      await w.terminate()
      await gone()
      console.log('after', links())`,
    )
    t.is(said, 'after', body)
  }
})

test('a worker reads and writes, and a loop in it ends with the worker', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `const w = worker(\`
      const tun = await openTun(options)
      parentPort.postMessage('ready')
      for await (const packet of tun) { tun.tryWrite(packet); parentPort.postMessage(packet.length) }
    \`)
    await once(w, 'message')
    send()
    console.log((await once(w, 'message'))[0])
    await w.terminate()
    await gone()
    console.log('after', links())`,
  )
  t.is(said, '29\nafter')
})

test('a device that nobody holds any more is collected', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `await (async () => { await openTun(options) })()
    for (let turn = 0; turn < 20 && links() !== ''; turn++) { await sleep(10); global.gc() }
    console.log('after', links())`,
    '--expose-gc',
  )
  t.is(said, 'after')
})

test('an error thrown by who was called from the loop is the process’s, and no crash', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `process.once('uncaughtException', (error) => { console.log(error.message); process.exit(0) })
    const tun = await openTun(options)
    void (async () => { for await (const packet of tun) process.nextTick(() => { throw new Error('mine') }) })()
    send()`,
  )
  t.is(said, 'mine')
})

const CYCLES = Number(process.env['TUN2UDP_CYCLES'] ?? 300)

test(`${CYCLES} devices, opened, read and closed, leave no descriptor, memory or device`, async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `const cycle = async () => {
      const tun = await openTun(options)
      const read = tun.read()
      tun.tryWrite(Buffer.alloc(20, 0x45))
      await tun.close()
      await read
    }
    for (let turn = 0; turn < 50; turn++) await cycle()
    const descriptors = () => readdirSync('/proc/self/fd').length
    const before = { descriptors: descriptors(), rss: process.memoryUsage().rss }
    for (let turn = 0; turn < ${CYCLES}; turn++) { await cycle(); if (turn % 50 === 0) global.gc() }
    await sleep(50)
    const grown = (process.memoryUsage().rss - before.rss) >> 20
    console.log(descriptors() - before.descriptors, grown < 64 ? 'flat' : grown, links())`,
    '--expose-gc',
  )
  t.is(said, '0 flat')
})
