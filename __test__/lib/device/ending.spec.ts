import test from 'ava'
import type { NativeDevice } from '#binding'
import { newTunDevice } from '../../../lib/device/kinds.ts'

/** A device that only counts how often it is closed. */
function fake() {
  const calls = { closed: 0 }
  const native = {
    info: { name: 'tun0', queues: 1, vnetHeaderBytes: 0, fd: 7 },
    packets: {},
    watch: () => ({
      watch: () => undefined,
      setReferenced: () => undefined,
      close: () => undefined,
    }),
    moved: () => ({ packetsRead: 3 }),
    close: () => Promise.resolve(calls.closed++),
    closeNow: () => calls.closed++,
  } as unknown as NativeDevice
  return { native, calls }
}

test('a signal that was aborted between opening and construction closes the device', async (t) => {
  const { native, calls } = fake()
  const signal = AbortSignal.abort()
  const device = newTunDevice(native, { highWaterMark: 8, signal })
  t.true(device.isClosed)
  await device.closed
  await device.close()
  t.is(calls.closed, 1)
})

test('closing again, in any way, has no effect, and the signal is let go of', async (t) => {
  const { native, calls } = fake()
  const controller = new AbortController()
  const device = newTunDevice(native, { highWaterMark: 8, signal: controller.signal })
  t.is(device.fd, 7)
  t.is(device.close(), device.closed)
  device[Symbol.dispose]()
  await device[Symbol.asyncDispose]()
  controller.abort()
  t.is(calls.closed, 1)
  t.is(device.stats().read.packets, 3)
  t.is(device.fd, undefined)
})

test('closed resolves also if no thread could be started for the closing', async (t) => {
  const failure = () => {
    throw new Error('no thread')
  }
  for (const close of [failure, () => Promise.reject(new Error('no thread'))]) {
    const native = Object.assign(fake().native, { close })
    const device = newTunDevice(native, { highWaterMark: 8, signal: undefined })
    await device.close()
    t.true(device.isClosed)
  }
})
