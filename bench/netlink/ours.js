/** This package: `ours.js TASK COUNT` in a namespace made ready; prints the milliseconds that the task took. */
import { openNetlink } from 'tun2udp'

const [task, count] = process.argv.slice(2)
const expected = Number(count)
const netlink = await openNetlink()

async function addAddresses() {
  const address = (index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`
  await netlink.addresses.addMany(
    'lo',
    Array.from({ length: expected }, (_, index) => address(index + 1)),
  )
}

async function dumpRoutes() {
  const { length } = await netlink.routes.list({ family: 4 })
  if (length !== expected) throw new Error(`${length} routes rather than ${expected}`)
}

const start = process.hrtime.bigint()
await (task === 'addresses' ? addAddresses() : dumpRoutes())
console.log(Number(process.hrtime.bigint() - start) / 1e6)
netlink.close()
