import { type Namespace, withNamespace } from '../support/namespace.ts'
import { INDEX, runModule } from '../support/script.ts'
import { rootTest as test } from '../support/skip.ts'

const OPTIONS = `{ addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 0, name: 'vpn0' }`

/** Runs a module inside the namespace; it can use `Relay`, `options` and `links`. */
async function run(namespace: Namespace, script: string): Promise<string> {
  const prelude = `
    import { readdirSync } from 'node:fs'
    import { execFileSync } from 'node:child_process'
    import { Worker } from 'node:worker_threads'
    import { startRelay } from '${INDEX}'
    const options = ${OPTIONS}
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const links = () => JSON.parse(execFileSync('ip', ['-j', 'link'])).map((l) => l.ifname).filter((n) => n !== 'lo').join()
    `
  return runModule(namespace, prelude + script)
}

/** A worker that opens a relay, reports it, and stays; it is a module, like its parent. */
const WORKER = `
  const worker = new Worker(\`
    import { parentPort } from 'node:worker_threads'
    import { startRelay } from '${INDEX}'
    await startRelay(${OPTIONS})
    parentPort.postMessage('ready')
  \`, { eval: true })
`

test('an open relay keeps the process alive, and a closed one does not', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `
    const relay = await startRelay(options)
    process.once('beforeExit', () => console.log('idle', links()))
    setTimeout(() => { console.log('open', links()); void relay.close() }, 300).unref()
    `,
  )
  t.is(said, 'open vpn0\nidle')
})

test('process.exit() with an open relay ends at once and leaves nothing', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `await startRelay(options); console.log(links()); process.exit(0)`,
  )
  t.is(said, 'vpn0')
  t.is(await namespace.run('ls', '/sys/class/net').then((text) => text.includes('vpn0')), false)
})

test('process.exit() takes back what was added to an interface that was there before', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'vpn0', 'mode', 'tun')
  await run(namespace, `await startRelay(options); process.exit(0)`)
  t.notRegex(await namespace.run('ip', '-br', 'addr', 'show', 'dev', 'vpn0'), /10\.9\.0\.1/u)
})

test('process.exit() while a relay is starting leaves nothing, whenever it comes', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'dev', 'vpn0', 'mode', 'tun')
  for (const ms of [0, 2, 5, 10, 20]) {
    await run(namespace, `void startRelay(options); setTimeout(() => process.exit(0), ${ms})`)
    t.notRegex(await namespace.run('ip', '-br', 'addr', 'show', 'dev', 'vpn0'), /10\.9\.0\.1/u)
  }
})

test('worker.terminate() closes the relays of the worker', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `${WORKER}
    await new Promise((resolve) => worker.once('message', resolve))
    console.log('before', links())
    await worker.terminate()
    console.log('after', links())
    `,
  )
  t.is(said, 'before vpn0\nafter')
})

test('worker.terminate() while a relay is starting leaves nothing', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `for (const ms of [0, 20, 40, 60, 80, 100]) {
      ${WORKER}
      await sleep(ms)
      await worker.terminate()
    }
    await sleep(100)
    console.log('after', links())
    `,
  )
  t.is(said, 'after')
})

test('many relays, started and closed, leave no descriptor, thread or device', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `
    const count = () => [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length].join()
    const cycle = async () => { const relay = await startRelay(options); relay.stats(); await relay.close() }
    for (let i = 0; i < 5; i++) await cycle()
    await sleep(100)
    const before = count()
    for (let i = 0; i < 50; i++) await cycle()
    await sleep(100)
    console.log(before === count() ? 'same' : before + ' ' + count(), links())
    `,
  )
  t.is(said, 'same')
})

test('an abort during the start leaves nothing, whenever it comes', async (t) => {
  const namespace = await withNamespace(t)
  const said = await run(
    namespace,
    `
    const ends = new Set()
    for (let ms = 0; ms < 20; ms++) {
      const reason = new Error('enough')
      const controller = new AbortController()
      const started = startRelay({ ...options, signal: controller.signal })
      await sleep(ms / 4)
      controller.abort(reason)
      const end = await started.then((relay) => relay.closed, (error) => error)
      if (end !== undefined && end !== reason) ends.add(String(end))
      if (links() !== '') ends.add(links())
    }
    console.log([...ends].join())
    `,
  )
  t.is(said, '')
})
