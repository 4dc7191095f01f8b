import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { withNamespace } from '../../support/namespace.ts'
import { cleanEnvironment } from '../../support/program.ts'
import { rootTest as test } from '../../support/skip.ts'

const execute = promisify(execFile)
const SCRIPT = fileURLToPath(new URL('../../support/sequence.mjs', import.meta.url))
/** `scripts/soak-device.sh` uses more packets. */
const PACKETS = Number(process.env['TUN2UDP_SEQUENCE'] ?? 500_000)

interface Said {
  sent: number
  read: number
  written: number
  received: number
  disordered: number
  dropped: { device: number; socket: number }
}

for (const offload of ['auto', 'false']) {
  test(`of ${PACKETS} numbered packets in and out, offload ${offload}, none is lost that the kernel does not count`, async (t) => {
    t.timeout(3_600_000)
    const { name } = await withNamespace(t)
    const command = [process.execPath, SCRIPT, String(PACKETS), offload]
    const { stdout } = await execute('ip', ['netns', 'exec', name, ...command], {
      env: cleanEnvironment(),
    })
    const said = JSON.parse(stdout) as Said
    t.is(said.sent, PACKETS)
    t.is(said.disordered, 0)
    t.is(said.read + said.dropped.device, said.sent)
    t.is(said.written, said.read)
    t.is(said.received + said.dropped.socket, said.written)
    t.true(said.received > PACKETS / 10, `${said.received} came back`)
  })
}
