// A worker that makes the named calls of the package, all at the same time, or one after the other to check that
// each works.
import { setTimeout } from 'node:timers'
import { parentPort, workerData } from 'node:worker_threads'
import * as api from '../../../dist/index.js'
import { CALLS } from './calls.mjs'

const { names, end, delayMs } = workerData

const runs = names.map((name) => CALLS[name](api))
parentPort.postMessage('begun')
if (end === 'exit') setTimeout(() => process.exit(), delayMs)
if (end === 'throw') {
  setTimeout(() => {
    throw new Error('as intended')
  }, delayMs)
}
// Failures of calls are expected: names collide, queues are full. Calls are not awaited: some wait for an event that
// does not occur and do not keep the worker alive, which then ends by itself.
void Promise.allSettled(runs).then(() => parentPort.postMessage('done'))
