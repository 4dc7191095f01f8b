import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { execa } from 'execa'
import { onOneCpu } from '../../bench/lane/affinity.ts'
import { measured } from '../../bench/scenarios/streams.ts'
import { limitOf } from '../../bench/scenarios/tcp.ts'
import { hasTools, rootTest } from '../support/skip.ts'
import test from 'ava'

test('the end of iperf3 that uses a whole CPU is the limit', (t) => {
  t.is(limitOf(undefined), undefined)
  t.is(limitOf({ host_total: 94, remote_total: 80 }), undefined)
  t.is(limitOf({ host_total: 99, remote_total: 60 }), 'sender')
  t.is(limitOf({ host_total: 96, remote_total: 99 }), 'receiver')
})

test('receivers add up, and their fairness is that of all streams', (t) => {
  const fast = { seconds: 2, cpu: 0.5, streams: 1, bytes: 3e9, squares: 9e18 }
  const slow = { seconds: 1, cpu: 0.2, streams: 1, bytes: 1e9, squares: 1e18 }
  t.deepEqual(measured([fast, slow], 0.9), { values: { gbps: 20, fairness: 0.8 }, bytes: 4e9 })
  t.is(measured([fast, slow], 0.96).limitedBy, 'sender')
  t.is(measured([fast, { ...slow, cpu: 0.99 }], 0.96).limitedBy, 'receiver')
})

/** Returns the CPUs that a process may use, for example `0-1`. */
function allowed(pid: number | undefined): string | undefined {
  return /^Cpus_allowed_list:\t(.+)$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
}

rootTest('processes are on one CPU during an action only, also if it fails', async (t) => {
  if (!hasTools(t, 'taskset')) return
  await using sleeper = {
    process: execa('sleep', ['60'], { reject: false }),
    async [Symbol.asyncDispose]() {
      this.process.kill()
      await this.process
    },
  }
  const { pid = 0 } = sleeper.process
  const before = allowed(pid)
  if (availableParallelism() > 1) t.not(before, '0')
  const inside = await onOneCpu([pid], async ([program = '', ...args]) => {
    const { stdout } = await execa(program, [...args, 'cat', '/proc/self/status'])
    return [allowed(pid), /^Cpus_allowed_list:\t(.+)$/mu.exec(stdout)?.[1]]
  })
  t.deepEqual(inside, ['0', '0'])
  t.is(allowed(pid), before)
  await t.throwsAsync(
    onOneCpu([pid], () => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  t.is(allowed(pid), before)
})
