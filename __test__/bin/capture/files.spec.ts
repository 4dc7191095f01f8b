import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { CaptureFiles } from '../../../bin/tun2udp/capture/files.ts'
import { descriptorsOf } from '../../support/descriptors.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** Returns a block of this type and length, bytes. */
function block(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(length, 4)
  return bytes
}

const SECTION = block(0x0a_0d_0d_0a, 28)
const PACKET = block(6, 100)

test('a ring keeps its newest files, each with the blocks before the packets', (t) => {
  const folder = temporaryFolder(t)
  const files = new CaptureFiles(join(folder, 'a.pcapng'), false, { bytes: 250, files: 2 })
  files.write([SECTION, ...Array.from({ length: 7 }, () => PACKET)])
  files.close()
  t.deepEqual(readdirSync(folder).sort(), ['a_00003.pcapng', 'a_00004.pcapng'])
  t.deepEqual(
    readFileSync(join(folder, 'a_00003.pcapng')),
    Buffer.concat([SECTION, PACKET, PACKET]),
  )
  t.deepEqual(readFileSync(join(folder, 'a_00004.pcapng')), Buffer.concat([SECTION, PACKET]))
})

test.serial(
  'a next file that exists is one error, and the present one is complete and closed once',
  (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'a_00002.pcapng'), 'of somebody')
    const before = descriptorsOf(process.pid)
    const files = new CaptureFiles(join(folder, 'a.pcapng'), false, { bytes: 150, files: 2 })
    t.throws(
      () => {
        files.write([SECTION, PACKET, PACKET])
      },
      {
        code: 'ERR_TUN_EXISTS',
        message: /a_00002\.pcapng: it exists; choose another name, or add --overwrite$/u,
      },
    )
    files.close()
    t.is(descriptorsOf(process.pid), before)
    t.deepEqual(readFileSync(join(folder, 'a_00001.pcapng')), Buffer.concat([SECTION, PACKET]))
    t.is(readFileSync(join(folder, 'a_00002.pcapng'), 'utf8'), 'of somebody')
  },
)
