/** What must work on every Node version: import, require, the program, and a real relay as root. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const imported = await import('tun2udp')
const required = createRequire(import.meta.url)('tun2udp')
assert.equal(required.Relay, imported.Relay, 'require() and import give the same module')

const program = fileURLToPath(new URL('../dist/bin/tun2udp.js', import.meta.url))
const version = execFileSync(process.execPath, [program, '--version'], { encoding: 'utf8' })
assert.match(version, /^\d+\.\d+\.\d+/)

let relayed = 'no relay was started, which needs root'
if (process.getuid() === 0) {
  const relay = await imported.Relay.start({
    addresses: ['10.254.0.1/32'],
    sendPort: 9,
    receivePort: 0,
  })
  assert.ok(relay.info.local.port > 0)
  await relay.close()
  relayed = `a relay ran on ${relay.info.interface.name}`
}
console.log(`Node ${process.version}: import and require work, ${relayed}`)
