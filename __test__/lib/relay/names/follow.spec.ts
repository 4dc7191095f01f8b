import test, { type ExecutionContext } from 'ava'
import { TunError } from '../../../../lib/errors.ts'
import type { NameEvent } from '../../../../lib/relay/names/events.ts'
import { type FollowTools, followName } from '../../../../lib/relay/names/follow.ts'
import type { Found } from '../../../../lib/relay/names/lookUp.ts'

const NAME = 'b.example'
const PRESENT = '192.0.2.2'
const TTL = 30

/** The reply to one look-up; `true` if it is one of the present family only. */
type Answer = (family: 4 | 6 | undefined) => Found

interface Followed {
  /** The calls and events in their order. */
  log: string[]
  events: NameEvent[]
}

const addresses =
  (...list: string[]): Answer =>
  (family) => {
    const ofFamily = list.filter(
      (one) => family === undefined || one.includes(':') === (family === 6),
    )
    return ofFamily.length > 0 ? { addresses: ofFamily } : { failure: 'ENOTFOUND' }
  }
const failure =
  (name: string): Answer =>
  () => ({ failure: name })

/** Follows the name through the replies, one per interval, and then ends it. */
async function follow(
  answers: readonly Answer[],
  options: {
    address?: string | undefined
    family?: 4 | 6
    apply?: (address: string) => Promise<void>
  } = {},
): Promise<Followed> {
  const log: string[] = []
  const events: NameEvent[] = []
  const controller = new AbortController()
  let round = 0
  const tools: FollowTools = {
    timeToLive: () => Promise.resolve(TTL),
    lookUp: (_, family) => Promise.resolve((answers[round] ?? failure('EAI_AGAIN'))(family)),
    pause: (seconds) => {
      log.push(`pause ${seconds}`)
      if (++round < answers.length) return Promise.resolve()
      controller.abort()
      return Promise.reject(new Error('aborted'))
    },
  }
  const apply = async (address: string) => {
    await options.apply?.(address)
    log.push(`apply ${address}`)
  }
  const report = (event: NameEvent) => {
    log.push(event.kind)
    events.push(event)
  }
  const followed = { name: NAME, address: PRESENT, ...options, apply, report }
  await followName(followed, controller.signal, tools)
  return { log, events }
}

const pauses = (count: number, seconds = TTL) =>
  Array.from({ length: count }, () => `pause ${seconds}`)

test('a changed address is applied once, and reported with the old one', async (t) => {
  const moved = addresses('192.0.2.7')
  const { log, events } = await follow([addresses(PRESENT), moved, moved])
  t.deepEqual(log, ['pause 30', 'apply 192.0.2.7', 'name-changed', 'pause 30', 'pause 30'])
  t.deepEqual(events, [
    {
      kind: 'name-changed',
      name: NAME,
      previous: PRESENT,
      address: '192.0.2.7',
      message: 'the address of b.example changed from 192.0.2.2 to 192.0.2.7',
    },
  ])
})

test('rotating and shrinking answers that have the present address change nothing', async (t) => {
  const all = [PRESENT, '192.0.2.7', '192.0.2.8', '2001:db8::7']
  const rotated = all.map((_, by) => addresses(...all.slice(by), ...all.slice(0, by)))
  const { log } = await follow([...rotated, addresses(PRESENT), ...rotated])
  t.deepEqual(log, pauses(rotated.length * 2 + 1))
})

test('an outage is reported once, with longer and longer pauses, and so is its end', async (t) => {
  const out = failure('EAI_AGAIN')
  const { log, events } = await follow([
    ...[out, out, failure('ENOTFOUND'), out, out, out],
    addresses(PRESENT),
    out,
    addresses('192.0.2.7'),
  ])
  t.deepEqual(log, [
    ...['name-failed', 'pause 5', 'pause 10', 'pause 20', 'pause 30', 'pause 30', 'pause 30'],
    ...['name-recovered', 'pause 30', 'name-failed', 'pause 5'],
    ...['apply 192.0.2.7', 'name-changed', 'name-recovered', 'pause 30'],
  ])
  t.is(
    events[0]?.message,
    'look up b.example again: the resolver failed (EAI_AGAIN): datagrams still go to 192.0.2.2',
  )
  t.is(events[1]?.message, 'b.example has an address again: 192.0.2.2')
})

test('wrong addresses are refused with one notice until a right one, and the address stays', async (t) => {
  const wrong = addresses('127.0.0.1')
  const { log, events } = await follow([
    ...[wrong, wrong, addresses('0.0.0.0'), addresses('0.0.0.0')],
    ...[addresses(PRESENT), wrong],
  ])
  t.deepEqual(log, [
    ...['name-refused', 'pause 30', 'pause 30', 'name-refused', 'pause 30', 'pause 30'],
    ...['pause 30', 'name-refused', 'pause 30'],
  ])
  t.deepEqual(events[0], {
    kind: 'name-refused',
    name: NAME,
    address: '127.0.0.1',
    message:
      'the new address 127.0.0.1 of b.example is not used: it is a loopback address, and the present one is not: datagrams still go to 192.0.2.2',
  })
})

test('an address that the relay refuses is reported once, tried again, and then used', async (t) => {
  let attempts = 0
  const apply = () => {
    const error = new TunError('send to 192.0.2.7: refused', { code: 'ERR_TUN_INVALID_ARGUMENT' })
    return ++attempts < 3 ? Promise.reject(error) : Promise.resolve()
  }
  const moved = addresses('192.0.2.7')
  const { log, events } = await follow([moved, moved, moved], { apply })
  t.deepEqual(log, [
    ...['name-refused', 'pause 30', 'pause 30', 'apply 192.0.2.7', 'name-changed', 'pause 30'],
  ])
  t.regex(events[0]?.message ?? '', /: send to 192\.0\.2\.7: refused: datagrams still go/u)
})

test('a relay that is closed ends it', async (t) => {
  const apply = () => Promise.reject(new TunError('closed', { code: 'ERR_TUN_CLOSED' }))
  const { log } = await follow([addresses('192.0.2.7'), addresses('192.0.2.8')], { apply })
  // The pause after the look-up, in which the relay has ended.
  t.deepEqual(log, ['pause 30'])
})

test('the family changes if the present one has no address any more', async (t) => {
  const { log } = await follow([addresses('2001:db8::7'), addresses('192.0.2.7', '2001:db8::7')])
  t.deepEqual(log, ['apply 2001:db8::7', 'name-changed', 'pause 30', 'pause 30'])
})

test('the family does not change because its look-up fails', async (t) => {
  const half: Answer = (family) =>
    family === 4 ? { failure: 'EAI_AGAIN' } : { addresses: ['2001:db8::7'] }
  const { log } = await follow([half, half, addresses(PRESENT)])
  t.deepEqual(log, ['name-failed', 'pause 5', 'pause 10', 'name-recovered', 'pause 30'])
})

test('the first address of a name that had none is used, and ends the wait', async (t) => {
  const first = [failure('EAI_AGAIN'), failure('ENOTFOUND'), addresses('127.0.0.1')]
  const { log, events } = await follow(first, { address: undefined })
  t.deepEqual(log, ['pause 5', 'pause 10', 'apply 127.0.0.1', 'name-recovered', 'pause 30'])
  t.is(events[0]?.message, 'b.example has an address again: 127.0.0.1')
  const refused = await follow([addresses('0.0.0.0')], { address: undefined })
  t.regex(refused.events[0]?.message ?? '', /: no datagrams are sent$/u)
})

test('with a family, addresses of the other one are not used', async (t) => {
  const { log } = await follow([addresses('2001:db8::7')], { family: 4 })
  t.deepEqual(log, ['name-failed', 'pause 5'])
})

test('an abort during a look-up ends it without an event', async (t: ExecutionContext) => {
  const controller = new AbortController()
  const events: NameEvent[] = []
  const ended = followName(
    {
      name: NAME,
      address: PRESENT,
      apply: () => Promise.reject(new Error('not called')),
      report: (event) => events.push(event),
    },
    controller.signal,
    {
      timeToLive: () => Promise.resolve(TTL),
      lookUp: (_, __, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => {
            reject(new Error('aborted'))
          })
        }),
      pause: () => Promise.resolve(),
    },
  )
  setImmediate(() => {
    controller.abort()
  })
  await t.notThrowsAsync(ended)
  t.deepEqual(events, [])
})
