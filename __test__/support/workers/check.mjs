// Makes each call of the table alone, without ending it, and prints the failed ones as JSON. A call that waits for an
// event that does not occur is still pending after a moment, which is correct. Must run in its own network
// namespace, as a worker's main thread: `workerData` names the objects that outlive it.
import { isMainThread, Worker } from 'node:worker_threads'
import { setTimeout as sleep } from 'node:timers/promises'
import * as api from '../../../dist/index.js'
import { CALLS } from './calls.mjs'
import { RUN, tidy } from './leftovers.mjs'

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { run: RUN } })
  worker.once('exit', tidy)
} else {
  const failed = {}
  for (const [name, call] of Object.entries(CALLS)) {
    const error = await Promise.race([call(api).then(() => undefined, String), sleep(1000)])
    if (error !== undefined) failed[name] = error
  }
  console.log(JSON.stringify(failed))
  process.exit()
}
