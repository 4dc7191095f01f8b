import test, { type ExecutionContext } from 'ava'
import { TunError } from '../../../../lib/errors.ts'
import type { NameEvent } from '../../../../lib/relay/names/events.ts'
import { PeerNames } from '../../../../lib/relay/names/peerNames.ts'
import { openLookUps } from '../../../support/names.ts'

const NAME = 'b.example'
const CLOSED = { code: 'ERR_TUN_CLOSED', message: 'change the peers: the relay is closed' }

function build(isWaiting = false) {
  const lookUps = openLookUps()
  const events: NameEvent[] = []
  const report = (event: NameEvent) => events.push(event)
  return { lookUps, events, names: new PeerNames({ isWaiting, report }, lookUps.tools) }
}

const apply = () => Promise.resolve()

async function assertClosed(t: ExecutionContext, address: Promise<unknown>): Promise<void> {
  const error = await t.throwsAsync(address, CLOSED)
  t.true(error instanceof TunError)
}

test('close ends a look-up that runs, with or without a signal of its own', async (t) => {
  const { lookUps, names } = build()
  const { signal } = new AbortController()
  const both = [names.addressOf('b.example'), names.addressOf('c.example', signal)]
  t.deepEqual(lookUps.running(), ['b.example', 'c.example'])
  names.close()
  for (const address of both) await assertClosed(t, address)
  t.deepEqual(lookUps.running(), [])
})

test('after close no name is looked up or followed', async (t) => {
  const { lookUps, names } = build(true)
  const address = names.addressOf(NAME)
  lookUps.reply(NAME, '192.0.2.2')
  t.is(await address, '192.0.2.2')
  names.close()
  names.follow([NAME], apply)
  t.deepEqual(lookUps.followed, [])
  await assertClosed(t, names.addressOf(NAME))
  t.deepEqual(lookUps.running(), [])
})

test('the signal of a call ends its look-up with its reason', async (t) => {
  const { lookUps, names } = build()
  const controller = new AbortController()
  const reason = new Error('enough')
  const address = names.addressOf(NAME, controller.signal)
  controller.abort(reason)
  t.is(await t.throwsAsync(address), reason)
  t.deepEqual(lookUps.running(), [])
})

test('peers with one name share one look-up, and both get its result', async (t) => {
  const { lookUps, events, names } = build(true)
  for (const address of [undefined, '192.0.2.2']) {
    const both = [names.addressOf(NAME), names.addressOf('c.example'), names.addressOf(NAME)]
    t.deepEqual(lookUps.running(), [NAME, 'c.example'])
    lookUps.reply(NAME, address)
    lookUps.reply('c.example', '192.0.2.3')
    t.deepEqual(await Promise.all(both), [address, '192.0.2.3', address])
  }
  t.deepEqual(
    events.map(({ kind }) => kind),
    ['name-waiting', 'name-recovered'],
  )
  names.follow([NAME, NAME], apply)
  t.deepEqual(
    lookUps.followed.map(({ address }) => address),
    ['192.0.2.2'],
  )
})

test('a name that has lost its address is followed without one', async (t) => {
  const { lookUps, names } = build(true)
  for (const address of ['192.0.2.2', undefined]) {
    const found = names.addressOf(NAME)
    lookUps.reply(NAME, address)
    t.is(await found, address)
  }
  names.follow([NAME], apply)
  t.deepEqual(
    lookUps.followed.map(({ name, address }) => [name, address]),
    [[NAME, undefined]],
  )
})
