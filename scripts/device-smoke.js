/**
 * Opens a device of the installed package, gives it an address, writes and reads: an echo request is written to the
 * kernel, and its reply is read. Needs CAP_NET_ADMIN.
 */
import assert from 'node:assert/strict'
import { openTun } from 'tun2udp'

/** An ICMP echo request from 10.254.0.2 to 10.254.0.1, its checksums filled in. */
const REQUEST = Buffer.from('4500001c00010000400164e20afe00020afe00010800f7fd00010001', 'hex')

const device = await openTun({ addresses: ['10.254.0.1/24'] })
device.write(REQUEST)
for await (const packet of device) {
  // Packets of the kernel (router solicitations) may arrive first.
  if (packet[0] >> 4 !== 4 || packet[9] !== 1) continue
  assert.equal(packet[20], 0, 'an echo reply')
  assert.deepEqual([...packet.subarray(16, 20)], [10, 254, 0, 2])
  break
}
await device.close()
console.log(`device ok on ${process.platform}-${process.arch}, Node ${process.version}`)
