import type { ExecutionContext } from 'ava'
import { openTun } from '../../../index.ts'
import { tunIn } from '../../support/device.ts'
import { untilLinks } from '../../support/gone.ts'
import { withNamespace } from '../../support/namespace.ts'
import { INDEX, runModule } from '../../support/script.ts'
import { rootTest as test } from '../../support/skip.ts'

const DEVICES = 40

/** Runs a script in a process that does not fork: a child process holds a copy of each descriptor until its exec(2). */
async function run(t: ExecutionContext, script: string): Promise<string> {
  const prelude = `
    import { readdirSync } from 'node:fs'
    import { openTun } from '${INDEX}'
    const links = () => readdirSync('/sys/class/net').filter((name) => name !== 'lo').join()
    const open = (options) => openTun({ name: 'vpn0', create: 'always', ...options })
    `
  return runModule(await withNamespace(t), prelude + script)
}

test(`closing ${DEVICES} devices does not hold the event loop up`, async (t) => {
  // A loop that is held up by each device has few turns. A free one has thousands, on a busy machine too.
  const script = `
    const tuns = []
    for (let n = 0; n < ${DEVICES}; n++) tuns.push(await openTun())
    let turns = 0
    const turn = () => {
      turns += 1
      immediate = setImmediate(turn)
    }
    let immediate = setImmediate(turn)
    await Promise.all(tuns.map((tun) => tun.close()))
    clearImmediate(immediate)
    console.log(turns, links())`
  const [turns = '', left = ''] = (await run(t, script)).trim().split(' ')
  t.log(`${turns} turns of the event loop`)
  t.true(Number(turns) > 4 * DEVICES, turns)
  t.is(left, '')
})

test('the interface is deleted once the promise resolves, and can be opened again at once', async (t) => {
  const script = `
    for (let turn = 0; turn < 10; turn++) {
      const tun = await open({ queues: 2 })
      const read = tun.read()
      await tun.close()
      if (links() !== '') console.log('left', links())
      if (await read !== undefined) console.log('a packet')
    }`
  t.is(await run(t, script), '')
})

test('a call that runs at the moment of closing does not keep the interface beyond the promise', async (t) => {
  const script = `
    for (let turn = 0; turn < 10; turn++) {
      const tun = await open()
      const calls = Promise.allSettled([tun.link(), tun.settings(), tun.setCarrier(true)])
      await new Promise(setImmediate)
      await tun.close()
      if (links() !== '') console.log('left', links())
      await calls
    }`
  t.is(await run(t, script), '')
})

test('using closes before the block is left', async (t) => {
  const script = `
    for (let turn = 0; turn < 3; turn++) {
      const tun = await open()
      tun[Symbol.dispose]()
      if (links() !== '') console.log('left', links())
    }`
  t.is(await run(t, script), '')
})

test('a device is unusable as soon as close() was called, and closed only when it is closed', async (t) => {
  const namespace = await withNamespace(t)
  const tun = await tunIn(t, namespace)
  const order: string[] = []
  void tun.closed.then(() => order.push('closed'))
  const closing = tun.close()
  t.true(tun.isClosed)
  t.is(tun.fd, undefined)
  t.false(tun.tryWrite(Buffer.alloc(20, 0x45)))
  await t.throwsAsync(tun.settings(), { code: 'ERR_TUN_CLOSED' })
  t.is(await tun.read(), undefined)
  t.deepEqual(order, [])
  await closing
  t.deepEqual(order, ['closed'])
})

test('an abort that closes a device, or ends its opening, leaves no interface', async (t) => {
  const namespace = await withNamespace(t)
  const controller = new AbortController()
  const tun = await openTun({ netns: namespace.name, signal: controller.signal })
  controller.abort()
  await tun.closed
  await untilLinks(t, namespace, [])
})
