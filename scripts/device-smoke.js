/**
 * A device of the installed package is opened, addressed, written and read: an echo request goes into the
 * kernel, and its answer comes back. Needs CAP_NET_ADMIN.
 */
import assert from 'node:assert/strict'
import { openTun } from 'tun2udp'

/** An ICMP echo request from 10.254.0.2 to 10.254.0.1, its checksums filled in. */
const REQUEST = Buffer.from('4500001c00010000400164e20afe00020afe00010800f7fd00010001', 'hex')

const device = await openTun({ addresses: ['10.254.0.1/24'] })
device.write(REQUEST)
for await (const packet of device) {
  // Others of the kernel's own (router solicitations) may come first.
  if (packet[0] >> 4 !== 4 || packet[9] !== 1) continue
  assert.equal(packet[20], 0, 'an echo reply')
  assert.deepEqual([...packet.subarray(16, 20)], [10, 254, 0, 2])
  break
}
await device.close()
console.log(`device ok on ${process.platform}-${process.arch}, Node ${process.version}`)
