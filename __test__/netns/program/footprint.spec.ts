import { readFileSync, readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../../support/folder.ts'
import { withNamespace } from '../../support/namespace.ts'
import { OPERANDS, READY, start } from '../../support/netnsProgram.ts'
import type { Running } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'
import { untilTrue } from '../../support/wait.ts'

const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url))
const PRELOADED = fileURLToPath(new URL('../../support/loaded.mjs', import.meta.url))

/** Modules of Node that only some commands need. Each takes time and memory. */
const UNWANTED =
  /^(?:https?|http2|tls|crypto|zlib|dns|readline|inspector|sqlite|repl|vm|fs\/promises|stream\/web|(?:internal\/)?(?:crypto|deps\/cjs-module-lexer|deps\/undici|test|webstreams)(?:\/.*)?)$/u

/** Files of JavaScript that a start may load, and their bytes in total. */
const MAX_FILES = 8
const MAX_BYTES = 640_000

/** Bytes of a buffer that a queue may have touched before the first packet. */
const UNTOUCHED = 64 * 1024

/** Datagrams that one call receives, and the bytes of each. */
const BATCH = 16
const DATAGRAM = 60_000

/** Time limit for a change of the memory. */
const LIMIT_MS = 15_000

/** Returns the process id of a program. */
function pidOf({ child }: Running): number {
  if (child.pid === undefined) throw new Error('the program has not started')
  return child.pid
}

/** Returns the resident bytes of each anonymous mapping, by its address. */
function anonymousMemory(program: Running): Map<string, number> {
  const memory = new Map<string, number>()
  let address: string | undefined
  for (const line of readFileSync(`/proc/${pidOf(program)}/smaps`, 'utf8').split('\n')) {
    const mapping = /^([\da-f]+)-[\da-f]+ \S+ \S+ \S+ \S+ *(.*)$/u.exec(line)
    if (mapping) address = mapping[2] === '' ? mapping[1] : undefined
    const [, kilobytes] = /^Rss: +(\d+) kB$/u.exec(line) ?? []
    if (address !== undefined && kilobytes !== undefined)
      memory.set(address, Number(kilobytes) * 1024)
  }
  return memory
}

test('a start loads a few files of the package, and none of the modules that other commands need', async (t) => {
  const namespace = await withNamespace(t)
  const [scripts, loaded] = [temporaryFolder(t), join(temporaryFolder(t), 'loaded.json')]
  const program = start(t, namespace, OPERANDS, {
    NODE_OPTIONS: `--import ${PRELOADED}`,
    NODE_V8_COVERAGE: scripts,
    TUN2UDP_LOADED: loaded,
  })
  await program.until('stdout', READY)
  t.is((await program.end()).status, 0)
  const { modules, intl } = JSON.parse(readFileSync(loaded, 'utf8')) as Record<string, string[]>
  t.deepEqual(
    modules?.filter((name) => UNWANTED.test(name)),
    [],
  )
  t.true(modules?.includes('net'), 'the list is that of the program')
  t.deepEqual(intl, [], 'Intl loads the data of ICU')
  const [report = ''] = readdirSync(scripts)
  const { result } = JSON.parse(readFileSync(join(scripts, report), 'utf8')) as {
    result: { url: string }[]
  }
  const files = result
    .filter(({ url }) => url.startsWith('file:'))
    .map(({ url }) => fileURLToPath(url))
    .filter((file) => file !== PRELOADED)
  t.deepEqual(
    files.filter((file) => !file.startsWith(DIST)),
    [],
  )
  t.true(files.includes(join(DIST, 'bin/tun2udp.js')), files.join())
  t.true(files.length <= MAX_FILES, files.join())
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
  t.true(bytes <= MAX_BYTES, `${bytes} bytes`)
})

test('a relay has one thread per queue, and those of the runtime', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, [...OPERANDS, '--queues', '3'])
  await program.until('stdout', READY)
  const tasks = `/proc/${pidOf(program)}/task`
  const names = readdirSync(tasks).map((id) => readFileSync(`${tasks}/${id}/comm`, 'utf8').trim())
  const count = (name: string) => names.filter((one) => one === name).length
  t.is(count('tun2udp-relay') + count('tun2udp-queue'), 3, names.join())
  // The main thread has the name of the program. Two tasks may block: the end of the relay, and its notices.
  const runtime = Math.min(availableParallelism(), 4) + 2
  t.true(count('tun2udp') <= 1 + runtime, names.join())
})

test('buffers take no memory before the first packet, and none after a second without packets', async (t) => {
  const namespace = await withNamespace(t)
  const program = start(t, namespace, [...OPERANDS, '--queues', '1'])
  const [, , port = ''] = await program.until('stdout', READY)
  const before = anonymousMemory(program)
  // The datagrams wait until the program goes on, so that it receives all of them at once.
  program.child.kill('SIGSTOP')
  const script = `const socket = require('dgram').createSocket('udp4')
    let left = ${BATCH}
    for (let n = 0; n < ${BATCH}; n++)
      socket.send(Buffer.alloc(${DATAGRAM}, 0x45), ${port}, '127.0.0.1', () => --left || socket.close())`
  await namespace.run(process.execPath, '-e', script)
  program.child.kill('SIGCONT')
  // The kernel joins neighboring mappings, so that of a buffer may have had other memory. The growth lacks the memory that the
  // buffer had before.
  const growth = () =>
    [...anonymousMemory(program)].map(([at, bytes]) => [at, bytes - (before.get(at) ?? 0)] as const)
  let grown: string[] = []
  const hasGrown = () => {
    grown = growth()
      .filter(([, bytes]) => bytes >= BATCH * DATAGRAM - UNTOUCHED)
      .map(([at]) => at)
    return grown.length > 0
  }
  await untilTrue(
    'the batch is in memory, which the buffer did not take before',
    hasGrown,
    LIMIT_MS,
  )
  const isReleased = () =>
    growth().every(([at, bytes]) => !grown.includes(at) || bytes <= UNTOUCHED)
  await untilTrue('the memory was returned', isReleased, LIMIT_MS)
  t.is((await program.end()).status, 0)
})
