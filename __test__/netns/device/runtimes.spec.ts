import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { BEHIND, NEAR } from '../../support/device.ts'
import { withNamespace } from '../../support/namespace.ts'
import { INDEX } from '../../support/script.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

const execute = promisify(execFile)

/** Two packets for each runtime, the second one after it waits again; a batch; the end of a loop by `close()`. */
const SCRIPT = `
import { execFileSync } from 'node:child_process'
import { openTun } from '${INDEX}'
const send = () => execFileSync('bash', ['-c', 'echo -n x > /dev/udp/${BEHIND}/9'])
const tun = await openTun({ name: 'vpn0', addresses: ['${NEAR}'] })
setTimeout(send, 50)
const seen = []
for await (const packet of tun) {
  seen.push(Buffer.isBuffer(packet) && packet.length)
  await tun.write(packet)
  if (seen.length === 2) break
  setTimeout(send, 50)
}
send()
send()
for await (const batch of tun.batches()) {
  await tun.writeBatch(batch)
  seen.push(...batch.map((packet) => packet.length))
  if (seen.length >= 4) break
}
const read = tun.read()
setTimeout(() => void tun.close(), 50)
seen.push(await read)
console.log(JSON.stringify(seen))
`

for (const [runtime, ...args] of [['bun'], ['deno', 'run', '--allow-all']] as const) {
  test(`${runtime} reads and writes`, async (t) => {
    if (!hasTools(t, runtime)) return
    const { name } = await withNamespace(t)
    const directory = await mkdtemp(join(tmpdir(), 'tun2udp-'))
    t.teardown(() => rm(directory, { recursive: true }))
    const script = join(directory, 'script.mjs')
    await writeFile(script, SCRIPT)
    // Deno searches packages like Node if one of these exists.
    await writeFile(join(directory, 'package.json'), '{}')
    const command = ['ip', 'netns', 'exec', name, runtime, ...args, script]
    const { stdout } = await execute('timeout', ['60', ...command])
    t.is(stdout.trim(), '[29,29,29,29,null]')
  })
}
