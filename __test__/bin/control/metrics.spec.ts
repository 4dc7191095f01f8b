import { join } from 'node:path'
import test from 'ava'
import { controlled, startControlled } from '../../support/control.ts'
import { FAKE_STATS } from '../../support/fakeBinding.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { runProgram } from '../../support/program.ts'
import { accepted } from '../../support/promtool.ts'

test('metrics prints the counters of a relay, which promtool accepts', async (t) => {
  const { path } = await controlled(t)
  const { status, stdout, stderr } = await runProgram(['metrics', path])
  t.is(status, 0, stderr)
  t.is(stderr, '')
  const own = '{interface="tun0",local="127.0.0.1:5002"}'
  const { outbound, inbound } = FAKE_STATS
  for (const [name, value] of [
    ['outbound_read_packets_total', outbound.packetsRead],
    ['outbound_missed_packets_total', outbound.packetsMissed],
    ['inbound_written_bytes_total', inbound.bytesWritten],
    ['peers', 1],
  ] as const)
    t.true(stdout.includes(`\ntun2udp_${name}${own} ${value}\n`), name)
  accepted(t, stdout)
})

test('without a name it prints the metrics of all relays in one text', async (t) => {
  const folder = temporaryFolder(t)
  const env = { RUNTIME_DIRECTORY: folder }
  for (const [at, name] of ['one0', 'two0'].entries()) {
    const path = join(folder, `${name}.sock`)
    const more = at === 0 ? ['--name', name] : ['--name', name, '--listen', '127.0.0.9']
    const program = startControlled(t, path, {}, env, more)
    await program.until('stdout', /ready/u)
  }
  const { status, stdout, stderr } = await runProgram(['metrics'], { env })
  t.is(status, 0, stderr)
  t.is(stdout.match(/^# TYPE tun2udp_queues gauge$/gmu)?.length, 1)
  t.deepEqual(
    [...stdout.matchAll(/^tun2udp_queues\{interface="(\w+)"/gmu)].map((found) => found[1]),
    ['one0', 'two0'],
  )
})

test('relays whose metrics would be the same are refused', async (t) => {
  const folder = temporaryFolder(t)
  const env = { RUNTIME_DIRECTORY: folder }
  for (const name of ['a', 'b']) {
    const program = startControlled(t, join(folder, `${name}.sock`), {}, env)
    await program.until('stdout', /ready/u)
  }
  const { status, stdout, stderr } = await runProgram(['metrics'], { env })
  t.is(status, 2)
  t.is(stdout, '')
  t.regex(
    stderr,
    /^tun2udp: print the metrics: several relays are tun0 at 127\.0\.0\.1:5002, so .*\n$/u,
  )
})

test('without a relay, and of one that does not exist, it fails with one line', async (t) => {
  const env = { RUNTIME_DIRECTORY: temporaryFolder(t) }
  const none = await runProgram(['metrics'], { env })
  t.is(none.status, 1)
  t.regex(none.stderr, /^tun2udp: find a relay: none has a socket in .*\n$/u)
  const missing = await runProgram(['metrics', 'nosuch0'], { env })
  t.is(missing.status, 1)
  t.regex(missing.stderr, /^tun2udp: .*\n$/u)
})
