import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import {
  type RelayDiagnostic,
  type RelayEvent,
  type RelayOptions,
  startRelay,
} from '../../../index.ts'
import { EVENTS_KEPT, EventLog } from '../../../lib/relay/events.ts'
import { fakeBinding } from '../../support/fakeBinding.ts'

const { behaviours } = fakeBinding()

const options = (name: string, more: Partial<RelayOptions> = {}): RelayOptions => ({
  addresses: ['10.0.0.1/24'],
  sendPort: 5001,
  receivePort: 5002,
  name,
  ...more,
})

const OFF: RelayEvent = { kind: 'gso-off', message: 'the kernel refused UDP_SEGMENT', errno: 22 }
const ON: RelayEvent = { kind: 'gso-on', message: 'the kernel accepts UDP_SEGMENT again' }

async function all(events: AsyncIterable<RelayEvent>): Promise<RelayEvent[]> {
  const seen: RelayEvent[] = []
  for await (const event of events) seen.push(event)
  return seen
}

test('events before the first reader are kept, for each reader, and it ends with the relay', async (t) => {
  behaviours.set('kept', { events: [OFF, ON] })
  const relay = await startRelay(options('kept'))
  const early = all(relay.events())
  await sleep(5)
  const late = all(relay.events())
  await relay.close()
  t.deepEqual(await early, [OFF, ON])
  t.deepEqual(await late, [OFF, ON])
  t.deepEqual(await all(relay.events()), [OFF, ON], 'also after the end')
})

test('a relay that fails ends its events, and closed has the reason', async (t) => {
  behaviours.set('failing', { events: [OFF], failure: { code: 'ERR_TUN_SYSTEM', message: 'no' } })
  const relay = await startRelay(options('failing'))
  t.deepEqual(await all(relay.events()), [OFF])
  await t.throwsAsync(relay.closed, { code: 'ERR_TUN_SYSTEM' })
})

test('calls of next() that wait get one event each, in order', async (t) => {
  const log = new EventLog()
  const reader = log.reader(undefined)
  const waiting = [reader.next(), reader.next(), reader.next()]
  log.push(OFF)
  log.push(ON)
  log.end()
  t.deepEqual(await Promise.all(waiting), [
    { value: OFF, done: false },
    { value: ON, done: false },
    { value: undefined, done: true },
  ])
})

test('a slow reader gets the last events, and the number of those that were dropped', async (t) => {
  const log = new EventLog()
  const reader = log.reader(undefined)
  log.push(OFF)
  t.deepEqual(await reader.next(), { value: OFF, done: false })
  for (let n = 0; n < EVENTS_KEPT + 7; n++) log.push({ ...OFF, errno: n })
  log.end()
  const [lost, ...rest] = await all(reader)
  t.like(lost, { kind: 'events-lost', count: 7 })
  t.deepEqual(
    rest.map((event) => 'errno' in event && event.errno),
    Array.from({ length: EVENTS_KEPT }, (_, n) => n + 7),
  )
})

test('an abort rejects with its reason, once', async (t) => {
  const log = new EventLog()
  log.push(OFF)
  const controller = new AbortController()
  const reason = new Error('enough')
  const reader = log.reader(controller.signal)
  await reader.next()
  const waiting = [reader.next(), reader.next()]
  controller.abort(reason)
  t.is(await t.throwsAsync(waiting[0] as Promise<unknown>), reason)
  t.true((await waiting[1])?.done)
  t.true((await reader.next()).done)
  const late = log.reader(controller.signal)
  t.is(await t.throwsAsync(late.next()), reason)
  t.true((await late.next()).done)
})

test('a loop that is left ends its iterator, and no other', async (t) => {
  const log = new EventLog()
  log.push(OFF)
  log.push(ON)
  const [one, two] = [log.reader(undefined), log.reader(undefined)]
  for await (const event of one) {
    t.is(event, OFF)
    break
  }
  t.true((await one.next()).done)
  log.end()
  t.deepEqual(await all(two), [OFF, ON])
})

test('what is no signal, or no options, is refused', async (t) => {
  await using relay = await startRelay(options('refused'))
  const code = 'ERR_TUN_INVALID_ARGUMENT'
  t.throws(() => relay.events({ signal: 7 as never }), { code, message: /^Invalid signal 7/u })
  t.throws(() => relay.events(null as never), { code, message: /^Invalid options null/u })
})

test.serial(
  'diagnostics_channel has the life of a relay, and events of a start that fails',
  async (t) => {
    const seen: RelayDiagnostic[] = []
    const listen = (message: unknown) => {
      const diagnostic = message as RelayDiagnostic
      if (diagnostic.name.startsWith('channel')) seen.push(diagnostic)
    }
    subscribe('tun2udp:relay', listen)
    t.teardown(() => unsubscribe('tun2udp:relay', listen))
    behaviours.set('channel0', { events: [OFF] })
    const relay = await startRelay(options('channel0'))
    await relay.close()
    const name = 'channel0'
    t.deepEqual(seen.splice(0), [
      { type: 'event', name, event: OFF },
      { type: 'opened', name, target: relay },
      { type: 'closed', name, target: relay },
    ])
    const startError = { code: 'ERR_TUN_BUSY', message: 'no' }
    behaviours.set('channel1', { events: [OFF], startError })
    const error = await t.throwsAsync(startRelay(options('channel1')))
    t.deepEqual(seen.splice(0), [
      { type: 'event', name: 'channel1', event: OFF },
      { type: 'error', name: 'channel1', error },
    ])
    const unknown = await t.throwsAsync(startRelay(options('channel1', { peer: 'no.invalid' })))
    t.deepEqual(seen.splice(0), [{ type: 'error', name: 'channel1', error: unknown }])
    behaviours.set('channel2', { failure: startError })
    const failing = await startRelay(options('channel2'))
    const failure = await t.throwsAsync(failing.closed)
    t.deepEqual(seen.slice(1), [
      { type: 'error', name: 'channel2', target: failing, error: failure },
      { type: 'closed', name: 'channel2', target: failing },
    ])
  },
)

/** Returns the kinds of events in the sources of the core. */
function kindsOfCore(): string[] {
  const read = (file: string) =>
    readFileSync(new URL(`../../../crate/core/src/relay/${file}`, import.meta.url), 'utf8')
  const named = [...read('fallback.rs').matchAll(/Self::\w+(?:\(_\))? => "([a-z-]+)"/gu)]
  const direct = [...read('queue/worker.rs').matchAll(/kind: "([a-z-]+)"/gu)]
  return [...named, ...direct].map(([, kind = '']) => kind)
}

test('the types and the documentation have each kind of the core', (t) => {
  const types = readFileSync(new URL('../../../lib/relay/events.ts', import.meta.url), 'utf8')
  const page = readFileSync(new URL('../../../docs/relay.md', import.meta.url), 'utf8')
  const kinds = kindsOfCore()
  t.true(kinds.length >= 11)
  for (const kind of kinds) {
    t.true(types.includes(`readonly '${kind}': `), `${kind} in lib/relay/events.ts`)
    t.true(page.includes(`| \`${kind}\` |`), `${kind} in docs/relay.md`)
  }
})
