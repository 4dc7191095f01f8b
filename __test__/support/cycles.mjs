// Starts and ends relays and tells what is left that was not there before: descriptors and threads
// of this process, and the devices of its namespace.
import { readdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { startRelay } from '../../dist/index.js'

function count(directory) {
  return readdirSync(`/proc/self/${directory}`).length
}

async function cycle() {
  const relay = await startRelay({ addresses: ['10.9.0.1/24'], sendPort: 9, receivePort: 0 })
  await relay.close()
}

// The first ones start the runtime's own threads and descriptors, which stay by design.
for (let turn = 0; turn < 20; turn++) await cycle()
const before = { fd: count('fd'), task: count('task') }
for (let turn = 0; turn < Number(process.argv[2]); turn++) await cycle()
const descriptors = count('fd') - before.fd
// A thread that has told its end may be seen for a moment yet, and those of the runtime's pool come and go
// within seconds; a leak of one a cycle does not.
for (let wait = 0; wait < 100 && count('task') > before.task; wait++) await setTimeout(10)
console.log(
  JSON.stringify({
    descriptors,
    threads: Math.max(0, count('task') - before.task),
    devices: Object.keys(networkInterfaces()),
  }),
)
