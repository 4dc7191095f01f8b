// Starts and ends relays and prints what is left over: descriptors and threads of this process, and the devices of
// its namespace.
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

// The first relays start the runtime's threads and descriptors, which stay by design.
for (let turn = 0; turn < 20; turn++) await cycle()
const before = { fd: count('fd'), task: count('task') }
for (let turn = 0; turn < Number(process.argv[2]); turn++) await cycle()
const descriptors = count('fd') - before.fd
// A thread that has reported its end may be visible for a moment, and those of the runtime's pool start and end
// within seconds. A leak of one per cycle does not disappear.
for (let wait = 0; wait < 100 && count('task') > before.task; wait++) await setTimeout(10)
console.log(
  JSON.stringify({
    descriptors,
    threads: Math.max(0, count('task') - before.task),
    devices: Object.keys(networkInterfaces()),
  }),
)
