import { startRelay } from '../../index.ts'
import { type Namespace, withNamespace } from '../support/namespace.ts'
import { startProgram } from '../support/program.ts'
import { rootTest as test } from '../support/skip.ts'

/** Returns the length of an interface's queue in packets, as ip(8) reports it. */
async function queueLength({ run }: Namespace, name: string): Promise<number | undefined> {
  const [link] = JSON.parse(await run('ip', '-j', 'link', 'show', name)) as { txqlen?: number }[]
  return link?.txqlen
}

test('the interface of the program has the queue length that --txqueuelen says', async (t) => {
  const namespace = await withNamespace(t)
  const args = ['10.9.0.1/24', '5001', '0', '--name', 'queue0', '--txqueuelen', '77']
  const program = startProgram(args, { netns: namespace.name })
  t.teardown(async () => {
    await program.end('SIGKILL')
  })
  await program.until('stdout', /^ready: /u)
  t.is(await queueLength(namespace, 'queue0'), 77)
  t.is((await program.end()).status, 0)
})

test('a relay of the library has it too, and without it the default of the kernel', async (t) => {
  const namespace = await withNamespace(t)
  const options = { sendPort: 5001, receivePort: 0, netns: namespace.name }
  await using long = await startRelay({
    ...options,
    addresses: ['10.9.0.1/24'],
    name: 'long0',
    txQueueLength: 2000,
  })
  await using plain = await startRelay({
    ...options,
    addresses: ['10.8.0.1/24'],
    name: 'plain0',
  })
  t.is(await queueLength(namespace, long.info.interface.name), 2000)
  t.is(await queueLength(namespace, plain.info.interface.name), 500)
})

test('a persistent interface has its own queue length again at the end', async (t) => {
  const namespace = await withNamespace(t)
  await namespace.run('ip', 'tuntap', 'add', 'keep0', 'mode', 'tun')
  await namespace.run('ip', 'link', 'set', 'keep0', 'txqueuelen', '123')
  const options = { addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 0, name: 'keep0' }
  const relay = await startRelay({ ...options, netns: namespace.name, txQueueLength: 77 })
  t.is(await queueLength(namespace, 'keep0'), 77)
  await relay.close()
  t.is(await queueLength(namespace, 'keep0'), 123)
  await using same = await startRelay({ ...options, netns: namespace.name })
  t.is(await queueLength(namespace, same.info.interface.name), 123, 'left out, it stays')
})

test('a queue length is a whole number that the kernel can have', async (t) => {
  for (const txQueueLength of [-1, 1.5, 2 ** 31, '77' as unknown as number]) {
    const options = { addresses: ['10.9.0.1'], sendPort: 1, receivePort: 0, txQueueLength }
    await t.throwsAsync(startRelay(options), {
      message: /^Invalid txQueueLength .+: expected a whole number from 0 to 2147483647$/u,
    })
  }
})
