// Calls each function of the public API with wrong arguments, one wrong argument at a time, and prints a
// report as JSON. It must run in a separate network namespace.
import { readdirSync } from 'node:fs'
import { getEventListeners } from 'node:events'
import * as api from '../../../dist/index.js'
import * as device from '../../../dist/lib/device/optionTable.js'
import * as persistent from '../../../dist/lib/persistent/options.js'
import * as relayTable from '../../../dist/lib/relay/optionTable.js'
import { callsOf } from './calls.mjs'
import { WRONG } from './values.mjs'

const tables = { ...device, ...persistent, ...relayTable }
const report = { values: WRONG.length, calls: 0, arguments: 0, faults: {}, left: {} }

/** A fault counts once per call, argument and kind; the report names the first value that shows it. */
function fault(call, what, value) {
  report.faults[`${call}: ${what}`] ??= value
}

/** Returns the fault in the result of a call; undefined if the result is correct. */
function wrongEnd(error) {
  if (error?.name === 'AbortError') return undefined
  if (error?.name !== 'TunError' && error?.name !== 'BatchError')
    return `not a TunError: ${text(error)}`
  if (error.code === 'ERR_TUN_INTERNAL') return `internal: ${error.message}`
  if (error.code === 'ERR_TUN_INVALID_ARGUMENT' && error.message.length > 1_000)
    return 'a long message'
  if (/\[object/u.test(error.message)) return `unclear: ${error.message}`
  return undefined
}

function text(error) {
  try {
    return String(error?.stack ?? error)
      .split('\n')
      .slice(0, 2)
      .join(' ')
  } catch {
    return 'whose text throws'
  }
}

/** Closes and removes the result of a call that succeeded nevertheless. */
async function release(result) {
  if (result === null || typeof result !== 'object') return
  if (result instanceof api.Device) await result.setPersistent(false)
  if (result.persistent) await api.removePersistent(result.name)
  await result.return?.()
  // A pair of Web streams; a duplex is not one.
  await result.readable?.cancel?.()
  await result.writable?.abort?.()
  result.destroy?.()
  await result.close?.()
}

const HUNG = Symbol('hung')
/** These calls wait for a packet if the wrong value has the same effect as no option. */
const WAITS = new Set(['read argument 0', 'read signal'])
/** Exceptions of these predicates reach the caller. */
const PREDICATES = new Set(['waitFor argument 1'])

async function tryCall(name, call, given, value) {
  report.calls++
  try {
    const result = call(...given)
    // A stream of Node reports an aborted signal like any error.
    if (typeof result?.on === 'function') result.on('error', () => undefined)
    const ended = await Promise.race([
      result,
      new Promise((resolve) =>
        globalThis.setTimeout(resolve, WAITS.has(name) ? 20 : 5_000, HUNG).unref(),
      ),
    ])
    if (ended === HUNG) {
      if (!WAITS.has(name)) fault(name, 'does not end', value)
    }
    await release(ended === HUNG ? undefined : ended)
  } catch (error) {
    const wrong = wrongEnd(error)
    if (wrong && !(PREDICATES.has(name) && value.startsWith('function'))) fault(name, wrong, value)
  }
}

async function tryAll(name, call, given, properties) {
  for (const [n] of given.entries()) {
    report.arguments++
    for (const [value, make] of WRONG) {
      const args = [...given]
      args[n] = make()
      await tryCall(`${name} argument ${n}`, call, args, value)
    }
    for (const property of properties?.[n] ?? []) {
      report.arguments++
      for (const [value, make] of WRONG) {
        const args = [...given]
        args[n] = { ...given[n], [property]: make() }
        await tryCall(`${name} ${property}`, call, args, value)
      }
      const args = [...given]
      args[n] = Object.defineProperty({ ...given[n] }, property, {
        enumerable: true,
        get: () => {
          throw new Error('a getter')
        },
      })
      await tryCall(`${name} ${property}`, call, args, 'a getter that throws')
    }
  }
}

/** A signal that is passed next to a wrong option has no listener afterwards. */
async function trySignals(name, call, given, properties) {
  for (const [n, known] of (properties ?? []).entries()) {
    if (!known.includes('signal')) continue
    const { signal } = new globalThis.AbortController()
    const args = [...given]
    args[n] = { ...given[n], signal, unknown: 1 }
    await tryCall(name, call, args, 'unknown beside a signal')
    const listeners = getEventListeners(signal, 'abort').length
    if (listeners > 0) fault(name, `${listeners} listeners of a signal`, 'unknown beside a signal')
  }
}

const count = () => ({
  descriptors: readdirSync('/proc/self/fd').length,
  links: readdirSync('/sys/class/net').length,
  threads: readdirSync('/proc/self/task').length,
  listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  handles: process
    .getActiveResourcesInfo()
    .filter((kind) => kind !== 'PipeWrap' && kind !== 'Immediate').length,
})

const tap = await api.openTap({ offload: ['tso'] })
const relay = await api.startRelay({ addresses: ['10.67.0.1'], sendPort: 9, receivePort: 0 })
const netlink = await api.openNetlink()
const view4 = api.parsePacket(
  Buffer.from('4500001c00000000401166ce0a0900020a09000100090009000800e3', 'hex'),
)
const view6 = api.parsePacket(
  Buffer.from(
    `60000000001406${'40'}${'fd'.repeat(16)}${'fe'.repeat(16)}${'00'.repeat(12)}5000${'00'.repeat(6)}`,
    'hex',
  ),
)
const calls = callsOf({ api, tables, tap, relay, netlink, view4, view6 })
report.functions = calls.map(([name]) => name)
const only = process.argv[2]
process.on('unhandledRejection', (error) => fault('process', `unhandled: ${text(error)}`, ''))
process.on('uncaughtException', (error) => fault('process', `uncaught: ${text(error)}`, ''))
// The first calls start the threads of the pools.
await Promise.all(Array.from({ length: 8 }, () => tap.settings()))
await Promise.all(Array.from({ length: 4 }, () => api.features()))
const before = count()
for (const [name, call, given, properties] of calls) {
  if (only && !name.includes(only)) continue
  const start = globalThis.performance.now()
  await tryAll(name, call, given, properties)
  await trySignals(name, call, given, properties)
  if (process.env.TUN2UDP_TIMES)
    console.error(name, Math.round(globalThis.performance.now() - start))
}
const end = Date.now() + 15_000
let left
do {
  await new Promise((resolve) => globalThis.setTimeout(resolve, 50))
  globalThis.gc?.()
  const now = count()
  left = Object.fromEntries(
    Object.entries(before).map(([kind, was]) => [kind, Math.max(0, now[kind] - was)]),
  )
} while (Object.values(left).some((number) => number > 0) && Date.now() < end)
report.left = left
console.log(JSON.stringify(report))
process.exit()
