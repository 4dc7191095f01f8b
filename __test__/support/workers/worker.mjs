// A worker that makes calls of the package: those named, all at the same time, or one after the other
// to see that each works.
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
// What fails is an error of the call, and part of it: names collide, queues are full. Not awaited: some calls
// wait for what does not come and do not keep the worker alive, which then ends by itself.
void Promise.allSettled(runs).then(() => parentPort.postMessage('done'))
