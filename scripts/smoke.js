/**
 * Tests that must pass on every Node version: import, require, the program, and, as root, a real relay.
 * Reports in the Test Anything Protocol. To be run in a network namespace of its own.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../dist/bin/tun2udp.js', import.meta.url))
const TUNCTL = fileURLToPath(new URL('../dist/bin/tunctl.js', import.meta.url))
const NEEDS_ROOT = process.getuid() === 0 ? undefined : 'a relay needs root'

const TESTS = [
  {
    title: 'import and require() give the same module',
    async run() {
      const imported = await import('tun2udp')
      const required = createRequire(import.meta.url)('tun2udp')
      assert.equal(typeof imported.startRelay, 'function')
      assert.equal(required.startRelay, imported.startRelay)
      assert.equal(required.Relay, imported.Relay)
    },
  },
  {
    title: 'the program tells its version',
    run() {
      const version = execFileSync(process.execPath, [PROGRAM, '--version'], { encoding: 'utf8' })
      assert.match(version, /^\d+\.\d+\.\d+/)
    },
  },
  {
    title: 'tunctl makes a device, lists it and removes it',
    skip: NEEDS_ROOT,
    run() {
      const tunctl = (...args) =>
        execFileSync(process.execPath, [TUNCTL, ...args], { encoding: 'utf8' })
      assert.equal(tunctl('-bt', 'smoke%d', '-u', 'root'), 'smoke0\n')
      assert.match(tunctl('--list'), /^smoke0: tap persistent uid 0 /m)
      assert.equal(tunctl('-d', 'smoke0'), "Set 'smoke0' nonpersistent\n")
    },
  },
  {
    title: 'a relay starts, has a device and a port, and closes',
    skip: NEEDS_ROOT,
    async run() {
      const { startRelay } = await import('tun2udp')
      const options = { addresses: ['10.254.0.1/32'], sendPort: 9, receivePort: 0 }
      const relay = await startRelay(options)
      assert.match(relay.info.interface.name, /^tun\d+$/)
      assert.ok(relay.info.local.port > 0)
      await relay.close()
      await relay.closed
    },
  },
]

/** Runs one test. Returns its line of the protocol, followed by the error if it failed. */
async function report({ title, skip, run }, number) {
  const name = `${number} - Node ${process.version}: ${title}`
  if (skip) return `ok ${name} # SKIP ${skip}`
  try {
    await run()
    return `ok ${name}`
  } catch (error) {
    process.exitCode = 1
    return `not ok ${name}\n${String(error.stack ?? error).replaceAll(/^/gm, '# ')}`
  }
}

console.log(`TAP version 13\n1..${TESTS.length}`)
for (const [index, test] of TESTS.entries()) console.log(await report(test, index + 1))
