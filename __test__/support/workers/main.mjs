// Runs workers that end at random moments of every asynchronous call of the package. Prints what is left over as
// JSON; a crash ends this process by a signal. Must run in its own network namespace.
//
// main.mjs WORKERS SECONDS SEED [--with-package] [--only=PREFIX] [--slow=FACTOR]: ends after that number of workers or
// seconds, whichever comes first. `--with-package`: this thread uses the package too; without it, the last
// worker is often the last environment that uses the addon. `--only`: only calls whose names have this prefix.
// `--slow`: workers live longer by this factor, for a memory checker.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout } from 'node:timers'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { CALLS } from './calls.mjs'
import { RUN, links, tidy } from './leftovers.mjs'

const CONCURRENCY = 4
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'with-package': { type: 'boolean' },
    only: { type: 'string', default: '' },
    slow: { type: 'string', default: '1' },
  },
})
const [workers, seconds, seed] = positionals.map(Number)
const NAMES = Object.keys(CALLS).filter((name) => name.startsWith(values.only))

/** A seeded generator of numbers from 0 to 1 (mulberry32). */
function randomOf(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let bits = Math.imul(state ^ (state >>> 15), 1 | state)
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }
}

const random = randomOf(seed)
const upTo = (limit) => Math.floor(random() * limit)
const moment = (limitMs) => upTo(limitMs * Number(values.slow))

/** Yields the names of all calls, each time in a new order. */
function* shuffled() {
  for (;;) {
    const names = [...NAMES]
    while (names.length > 0) yield names.splice(upTo(names.length), 1)[0]
  }
}
const next = shuffled()
const take = (count) => Array.from({ length: count }, () => next.next().value)

/** Runs one worker until it has ended. */
async function runWorker() {
  const end = ['any moment', 'begun', 'done', 'exit', 'throw'][upTo(5)]
  const workerData = { run: RUN, names: take(1 + upTo(3)), end, delayMs: moment(15) }
  const worker = new Worker(new URL('worker.mjs', import.meta.url), { workerData })
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  worker.on('error', (error) => {
    if (error.message !== 'as intended') throw error
  })
  worker.on('message', (message) => {
    if (message === 'begun') setTimeout(() => void worker.terminate(), workerData.delayMs + 50)
    if (message === end) setTimeout(() => void worker.terminate(), moment(15))
  })
  if (end === 'any moment') setTimeout(() => void worker.terminate(), moment(150))
  await ended
}

const startedAt = Date.now()
let count = 0
const runSome = async (limit) => {
  const lane = async () => {
    while (count < limit && Date.now() - startedAt < seconds * 1000) {
      count += 1
      await runWorker()
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, lane))
}

/**
 * Returns the name of each thread except those of io_uring (`iou-wrk-…`): the kernel starts them for calls of an event
 * loop that would block, and keeps the last one as long as the loop exists. Node 24 registers descriptors this way.
 */
function threads() {
  const nameOf = (id) => {
    try {
      return readFileSync(`/proc/self/task/${id}/comm`, 'utf8').trim()
    } catch {
      return 'ended'
    }
  }
  return readdirSync('/proc/self/task')
    .map(nameOf)
    .filter((name) => !name.startsWith('iou-wrk-'))
}

/** Returns the target of a descriptor without its number, or nothing if it is closed. */
function targetOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/u, '')
  } catch {
    return ''
  }
}

/** Returns what the descriptors refer to, except modules: Node leaves one open if a terminated worker was reading it. */
function descriptors() {
  const targets = readdirSync('/proc/self/fd').map(targetOf)
  return targets.filter((target) => target !== '' && !/\.(?:m?js|node|json)$/u.test(target))
}

/** Returns what `names` has more often than `before`. */
function surplus(names, before) {
  const rest = [...before]
  return names.filter((name) => {
    const at = rest.indexOf(name)
    if (at !== -1) rest.splice(at, 1)
    return at === -1
  })
}

/** Looks repeatedly until there is no more than before, and returns the rest: the kernel frees objects with a delay. */
async function excess(namesNow, before) {
  for (let wait = 0; wait < 300 && namesNow().length > before.length; wait++) await sleep(50)
  const names = namesNow()
  return names.length > before.length ? surplus(names, before) : []
}

if (values['with-package']) {
  const { listDevices } = await import('../../../dist/index.js')
  await listDevices()
}
// The first workers start the addon's runtime. Its threads and descriptors stay by design.
await runSome(Math.min(workers, 40))
await sleep(200)
const before = { descriptors: descriptors(), threads: threads(), devices: links() }
await runSome(workers)
tidy()
const left = {
  descriptors: await excess(descriptors, before.descriptors),
  threads: await excess(threads, before.threads),
  devices: await excess(links, before.devices),
}
console.log(JSON.stringify({ workers: count, left }))
