import test from 'ava'
import type { NativeDevice, NativePackets } from '#binding'
import { PacketSource, type Waiter } from '../../../../lib/device/packets/source.ts'
import type { Watching } from '../../../../lib/device/watching/watching.ts'

/** The delay in milliseconds that the native layer requests after a failed read. */
const PAUSE = 40

/** Creates a source over a device whose reads return `answers` in order; 0 means that no packet is available. */
function sourceOf(answers: readonly number[]) {
  const log: { at: number; what: string }[] = []
  const note = (what: string) => log.push({ at: performance.now(), what })
  const left = [...answers]
  const packets = {
    read: (slab: Uint8Array, start: number, offsets: Uint32Array) => {
      const answer = left.shift() ?? 0
      note(`read ${answer}`)
      if (answer > 0) offsets.set([start, start + 1])
      return answer
    },
    hasWaiting: () => false,
  } as unknown as NativePackets
  const native = {
    info: { name: 'tun0', vnetHeaderBytes: 0 },
    errorOf: (_isWrite: boolean, errno: number) =>
      JSON.stringify({ code: 'ERR_TUN_DEVICE_DELETED', message: 'gone', errno }),
  } as unknown as NativeDevice
  const watching = {
    onReadable: () => undefined,
    // The device is readable at once, and as long as it is watched: level-triggered.
    setReading(isReading: boolean) {
      note(`watch ${isReading}`)
      if (isReading && left.length > 0) {
        setImmediate(() => {
          this.onReadable()
        })
      }
    },
  } as Watching
  const source = new PacketSource(native, packets, watching, 8)
  const ended = new Promise<string>((resolve) => {
    const waiter: Waiter = {
      maxPackets: 8,
      reuse: false,
      superpackets: false,
      ready: () => {
        resolve('ready')
      },
      ended: (error) => {
        resolve(error?.code ?? 'closed')
      },
    }
    source.wait(waiter)
  })
  return { source, ended, log }
}

test('a read that fails is tried again after the pause, and the device is not watched meanwhile', async (t) => {
  const { ended, log, source } = sourceOf([-1 - PAUSE, -1 - PAUSE, 1])
  t.is(await ended, 'ready')
  t.deepEqual(
    log.map(({ what }) => what),
    ['watch true', 'read -41', 'watch true', 'read -41', 'watch true', 'read 1'],
  )
  const [, first, , second, , third] = log.map(({ at }) => at)
  // Timers of Node may be early by less than a millisecond.
  t.true((second ?? 0) - (first ?? 0) >= PAUSE - 1)
  t.true((third ?? 0) - (second ?? 0) >= PAUSE - 1)
  t.is(source.available, 1)
  t.is(source.end, undefined)
})

test('an interface that is gone ends the reading', async (t) => {
  const { ended, source } = sourceOf([-1 - PAUSE, -1000 - 77])
  t.is(await ended, 'ERR_TUN_DEVICE_DELETED')
  t.is(source.end?.error?.errno, 77)
})

test('a device that is closed during a pause is watched no more', async (t) => {
  const { ended, source, log } = sourceOf([-1 - PAUSE, 1])
  await new Promise((resolve) => setTimeout(resolve, PAUSE / 4))
  source.finish(undefined)
  t.is(await ended, 'closed')
  await new Promise((resolve) => setTimeout(resolve, 2 * PAUSE))
  t.is(log.at(-1)?.what, 'read -41')
})
