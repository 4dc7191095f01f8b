'use strict'
const { lookup } = require('node:dns')
// A native layer without a kernel. The test sets its behaviour under the name of the interface or, for a program
// in a process of its own, in the variable FAKE_BINDING. The generated loader finds this file through
// NAPI_RS_NATIVE_LIBRARY_PATH.

/** Interface name to behaviour: { startDelayMs, startError, failAfterMs, failure, events, stats }. */
const behaviours = new Map()
/** Options of the last call of startRelay() per interface name. */
const calls = new Map()
/** Number of calls of close() per interface name. */
const closings = new Map()

/** Counters, each with another value. */
const OUTBOUND = {
  packetsRead: 1,
  bytesRead: 2,
  superPacketsRead: 3,
  packetsSplit: 16,
  packetsFragmented: 18,
  packetsMissed: 25,
  readErrors: 17,
  datagramsSent: 4,
  bytesSent: 5,
  refusedByPeer: 6,
  unreachableReports: 7,
  pathMtuReports: 8,
  keepalivesSent: 24,
  sourcesLost: 21,
  repliesWritten: 19,
  repliesDropped: 20,
  dropped: {
    tooLong: 9,
    unreachable: 10,
    noPeer: 23,
    denied: 11,
    noBuffers: 12,
    looped: 22,
    malformed: 14,
    closing: 15,
    other: 13,
  },
}
const INBOUND = {
  datagramsReceived: 101,
  bytesReceived: 102,
  keepalivesReceived: 120,
  receiveErrors: 115,
  packetsWritten: 103,
  bytesWritten: 104,
  superPacketsWritten: 105,
  packetsJoined: 114,
  ecnMarks: 116,
  dropped: {
    foreignSource: 106,
    foreignPrefix: 118,
    empty: 107,
    truncated: 108,
    shortFrame: 119,
    notIp: 109,
    notEcnCapable: 117,
    interfaceDown: 110,
    noBuffers: 111,
    rejected: 112,
    closing: 113,
  },
}

const OFFLOAD = { tso: true, uso: false, gso: true, gro: false, coalesce: true }
const PATH_MTU = { outside: 1400, inside: 1372, source: 'router', router: '192.0.2.254' }
/** The result of stats() of a relay, unless its behaviour specifies another one. */
const stats = { offload: OFFLOAD, pathMtu: PATH_MTU, outbound: OUTBOUND, inbound: INBOUND }

const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const nativeError = (error) => new Error(typeof error === 'string' ? error : JSON.stringify(error))

class NativeRelay {
  constructor(options, behaviour) {
    this.name = options.name ?? 'tun0'
    this.behaviour = behaviour
    this.info = {
      mode: options.mode ?? 'tun',
      interfaceName: this.name,
      interfaceIndex: 7,
      mtu: options.mtu ?? 1500,
      addresses: options.addresses,
      localAddress: options.listen ?? '127.0.0.1',
      localPort: options.receivePort || 40000,
      peerAddress: options.peer,
      peerPort: options.sendPort,
      receiveBufferBytes: 425984,
      sendBufferBytes: 212992,
      queues: options.queues || 2,
      sourcePorts: options.sourcePorts || 1,
    }
    const alive = setInterval(() => {}, 1000)
    this.end = new Promise((resolve, reject) => {
      this.finish = resolve
      if (behaviour.failure) {
        setTimeout(() => reject(nativeError(behaviour.failure)), behaviour.failAfterMs ?? 0)
      }
    }).finally(() => clearInterval(alive))
    this.end.catch(() => {})
  }

  stats() {
    if (this.behaviour.stats === 'throw') throw new Error('panic: index out of bounds')
    if (this.behaviour.stats) return this.behaviour.stats
    return stats
  }

  peers() {
    return []
  }

  interfaceState() {
    return {
      name: this.name,
      isUp: true,
      mtu: 1500,
      operState: 'unknown',
      txQueueLength: 500,
      carrierChanges: 1,
      txDropped: 0,
      rxDropped: 0,
    }
  }

  async close() {
    closings.set(this.name, (closings.get(this.name) ?? 0) + 1)
    await delay(5)
    this.finish()
    await this.end.catch(() => {})
  }

  async closed() {
    await this.end
  }
}

async function startRelay(options, onEvent) {
  const behaviour = behaviours.get(options.name) ?? JSON.parse(process.env.FAKE_BINDING ?? '{}')
  calls.set(options.name, options)
  // Before the events: a test may send the signal as soon as it sees one of them.
  const signal = behaviour.startAwaitsSignal ? signalled() : undefined
  for (const event of behaviour.events ?? []) onEvent?.(event)
  await delay(behaviour.startDelayMs ?? 0)
  await signal
  if (behaviour.startError) throw nativeError(behaviour.startError)
  return new NativeRelay(options, behaviour)
}

/** Resolves shortly after this process received a signal that ends programs. */
async function signalled() {
  const keepAlive = setInterval(() => {}, 1000)
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve)
  })
  clearInterval(keepAlive)
  await delay(20)
}

function sdNotify(state) {
  if (process.env.FAKE_NOTIFY === 'fail') {
    throw nativeError({
      code: 'ERR_TUN_SYSTEM',
      message: 'notify the service manager at /x: Connection refused',
      errno: 111,
    })
  }
  process.stderr.write(`sd_notify ${state}\n`)
  return true
}

function lookUp(name, family, onResult) {
  lookup(name, { family: family ?? 0, all: true }, (error, found) => {
    if (error) onResult({ addresses: [], failure: error.code })
    else onResult({ addresses: found.map(({ address }) => address) })
  })
}

/** The variable FAKE_CLIENT is the user id of all clients. */
function peerProcess() {
  return { pid: 1, uid: Number(process.env.FAKE_CLIENT ?? process.getuid()), gid: 0 }
}

function closeRelays() {}

module.exports = {
  NativeRelay,
  startRelay,
  sdNotify,
  lookUp,
  peerProcess,
  closeRelays,
  behaviours,
  calls,
  closings,
  stats,
}
