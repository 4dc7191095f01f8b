import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TapDevice } from '../../../index.ts'
import { withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { frames, slowTap } from '../../support/slowTap.ts'

/** At this rate a frame takes eight seconds, so a wait for room is longer than a test. */
const RATE = '1kbit'

/** Writes frames until the device has no room. */
function fillUp(tap: TapDevice): void {
  for (const frame of frames(100)) if (!tap.tryWrite(frame)) return
  throw new Error(`${tap.name} took a hundred frames`)
}

test('an abort ends the wait for room with its reason, whichever way was written', async (t) => {
  if (!hasTools(t, 'tc')) return
  const tap = await slowTap(t, await withNamespace(t), RATE)
  const controller = new AbortController()
  const { signal } = controller
  const reason = new Error('enough')
  fillUp(tap)
  const waiting = [
    tap.write(Buffer.alloc(60), { signal }),
    tap.writeBatch(frames(2), { signal }),
    tap.writePacked(
      { buffer: Buffer.concat(frames(1)), offsets: Uint32Array.of(0, 1000) },
      { signal },
    ),
  ]
  controller.abort(reason)
  for (const promise of waiting) await t.throwsAsync(async () => promise, { is: reason })
  await t.throwsAsync(tap.write(Buffer.alloc(60), { signal }), { is: reason })
  await t.throwsAsync(tap.write(Buffer.alloc(60), { signal: 7 as never }), {
    message: /^Invalid signal 7: expected an AbortSignal/u,
  })
})

test('a writable without room says so, and an abort of it does not wait for room', async (t) => {
  if (!hasTools(t, 'tc')) return
  const tap = await slowTap(t, await withNamespace(t), RATE)
  const { writable } = tap.streams({ highWaterMark: 5 })
  const writer = writable.getWriter()
  const failures: Promise<unknown>[] = []
  const reason = new Error('enough')
  // The loop ends when the device, and then the stream, are full.
  for (const frame of frames(100)) {
    failures.push(writer.write(frame).catch((error: unknown) => error))
    await sleep(1)
    if ((writer.desiredSize ?? 0) <= 0) break
  }
  t.is(writer.desiredSize, 0)
  const closed = t.throwsAsync(writer.closed, { is: reason })
  await writer.abort(reason)
  await closed
  t.deepEqual((await Promise.all(failures)).filter(Boolean), new Array(4).fill(reason))
})

test('a signal, and close of the device, end streams that wait for room', async (t) => {
  if (!hasTools(t, 'tc')) return
  const tap = await slowTap(t, await withNamespace(t), RATE)
  const controller = new AbortController()
  const reason = new Error('enough')
  const writer = tap.streams({ signal: controller.signal }).writable.getWriter()
  for (const frame of frames(10)) void writer.write(frame).catch(() => undefined)
  const stream = tap.duplex({ highWaterMark: 2 })
  t.false(frames(10).every((frame) => stream.write(frame)))
  await sleep(20)
  controller.abort(reason)
  await t.throwsAsync(writer.closed, { is: reason })
  const failed = once(stream, 'error')
  await tap.close()
  t.like((await failed)[0], { code: 'ERR_TUN_CLOSED' })
})
