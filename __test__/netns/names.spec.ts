import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { withNameServer } from '../support/dns/nameServer.ts'
import { withReceivers } from '../support/dns/receivers.ts'
import { type Namespace, withNamespace } from '../support/namespace.ts'
import { cleanEnvironment } from '../support/program.ts'
import { INDEX, runModule } from '../support/script.ts'
import { rootTest as test } from '../support/skip.ts'

const TIME_TO_LIVE = new URL('../../dist/lib/relay/names/timeToLive.js', import.meta.url).href
const [FIRST, SECOND] = ['192.0.2.2', '192.0.2.3'] as const
const ttl = 0

/** A module that runs in a namespace. It gets a line of input for each step, and prints a line. */
interface Script {
  step: (line: string) => Promise<string>
  ended: Promise<number | null>
}

async function run(t: ExecutionContext, { name }: Namespace, script: string): Promise<Script> {
  const child = spawn(
    'ip',
    ['netns', 'exec', name, process.execPath, '--input-type=module', '-e', script],
    { env: cleanEnvironment(), stdio: ['pipe', 'pipe', 'inherit'] },
  )
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'close').then(([status]) => status as number | null)
  const lines: string[] = []
  let rest = ''
  child.stdout.setEncoding('utf8').on('data', (data: string) => {
    const [last = '', ...complete] = (rest + data).split('\n').toReversed()
    rest = last
    lines.push(...complete.toReversed())
  })
  const next = async () => {
    for (;;) {
      const line = lines.shift()
      if (line !== undefined) return line
      await sleep(10)
    }
  }
  const step = async (line: string) => {
    child.stdin.write(`${line}\n`)
    return next()
  }
  t.is(await next(), 'started')
  return { step, ended }
}

/** Starts to read lines, and prints the result of each, which is an expression of `relay`. */
const STEPS = `
  import { createInterface } from 'node:readline'
  import { startRelay } from '${INDEX}'
  const input = createInterface({ input: process.stdin })
  const events = []
  const AsyncFunction = (async () => {}).constructor
  const serve = (relay) => {
    const read = async () => { for await (const event of relay.events()) events.push(event) }
    void read()
    // The test has ended.
    input.on('close', () => relay.close())
    console.log('started')
    input.on('line', async (line) => {
      const result = await new AsyncFunction('relay', 'events', 'input', 'return ' + line)(relay, events, input)
      console.log(JSON.stringify(result ?? null))
    })
  }`

test('the time to live is that of the records, limited to 5 seconds and 5 minutes', async (t) => {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace)
  const DAY = 86_400
  server.set('zero.example', { address: FIRST, ttl: 0 })
  server.set('days.example', { address: FIRST, ttl: 3 * DAY })
  server.set('37.example', { address: FIRST, ttl: 37 })
  server.set('both.example', { address: FIRST, ttl: 200 }, { address: '2001:db8::2', ttl: 41 })
  const times = async (...calls: [name: string, family?: 4 | 6][]) =>
    JSON.parse(
      await runModule(
        namespace,
        `import { timeToLive } from '${TIME_TO_LIVE}'
        const times = []
        for (const [name, family] of ${JSON.stringify(calls)}) times.push(await timeToLive(name, family))
        console.log(JSON.stringify(times))`,
      ),
    ) as number[]
  t.deepEqual(
    await times(
      ...([['zero.example'], ['days.example'], ['37.example'], ['both.example']] as [string][]),
      ...([
        ['both.example', 4],
        ['both.example', 6],
        ['37.example', 6],
      ] as [string, 4 | 6][]),
      ['none.example'],
    ),
    [5, 300, 37, 41, 200, 41, 60, 60],
  )
  server.mode = 'hang'
  t.deepEqual(await times(['37.example']), [60])
})

test('each of several peers follows its name, and a peer whose name has no address comes later', async (t) => {
  const namespace = await withNamespace(t)
  const server = await withNameServer(t, namespace)
  const { port } = await withReceivers(t, namespace, [FIRST, SECOND])
  server.set('b.example', { address: FIRST, ttl })
  const peers = [
    { name: 'b', endpoint: `b.example:${port}`, allowedPrefixes: ['10.9.0.2/32'] },
    { name: 'c', endpoint: `c.example:${port}`, allowedPrefixes: ['10.9.0.3/32'] },
  ]
  const options = {
    addresses: ['10.9.0.1/24'],
    listen: { port: 0 },
    peers,
    waitForDns: true,
  }
  const { step, ended } = await run(
    t,
    namespace,
    `${STEPS}\nserve(await startRelay(${JSON.stringify(options)}))`,
  )
  const state = async () =>
    step('relay.peers.list().map(({ name, endpoint }) => name + " " + endpoint.address).join()')
  const until = async (expected: string) => {
    while ((await state()) !== JSON.stringify(expected)) await sleep(100)
  }
  t.is(await state(), JSON.stringify(`b ${FIRST},c c.example`))
  server.set('c.example', { address: SECOND, ttl })
  await until(`b ${FIRST},c ${SECOND}`)
  server.set('b.example', { address: '192.0.2.7', ttl })
  await until(`b 192.0.2.7,c ${SECOND}`)
  server.set('b.example')
  t.is(await step('relay.peers.remove("c")'), 'null')
  const events = JSON.parse(
    await step('events.filter(({ kind }) => kind.startsWith("name-"))'),
  ) as Record<string, string>[]
  t.like(events, [
    { kind: 'name-waiting', name: 'c.example' },
    { kind: 'name-recovered', name: 'c.example' },
    { kind: 'name-changed', name: 'b.example', previous: FIRST, address: '192.0.2.7' },
  ])
  // A name that was removed is not looked up any more, and a known one need not have an address.
  const queries = server.count('c.example')
  const others = server.count('b.example')
  while (server.count('b.example') < others + 4) await sleep(50)
  t.is(server.count('c.example'), queries)
  t.is(
    await step(
      `relay.peers.add({ endpoint: '${SECOND}:${port}', allowedPrefixes: ['10.9.0.4/32'] })`,
    ),
    'null',
  )
  t.is(await state(), JSON.stringify(`b 192.0.2.7,${SECOND}:${port} ${SECOND}`))
  t.is(await step('relay.close().then(() => input.close())'), 'null')
  t.is(await ended, 0)
})

test('a closed relay does not keep the process alive while a look-up hangs', async (t) => {
  const namespace = await withNamespace(t)
  // A look-up takes far longer than a test may.
  const server = await withNameServer(t, namespace, 'timeout:30 attempts:5')
  const { port } = await withReceivers(t, namespace, [FIRST])
  server.set('b.example', { address: FIRST, ttl })
  const options = { addresses: ['10.9.0.1/24'], peer: 'b.example', sendPort: port, receivePort: 0 }
  const { step, ended } = await run(
    t,
    namespace,
    `${STEPS}\nserve(await startRelay(${JSON.stringify(options)}))`,
  )
  t.is(await step('relay.info.peer.address'), JSON.stringify(FIRST))
  server.mode = 'hang'
  // Two attempts of c-ares to get the time to live, and one of getaddrinfo.
  const before = server.count('b.example')
  while (server.count('b.example') < before + 3) await sleep(10)
  t.is(await step('relay.close().then(() => input.close())'), 'null')
  t.is(await ended, 0)
})
