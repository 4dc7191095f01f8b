import { addressOf } from '../lane/testbed.ts'
import { Namespace } from '../lane/namespace.ts'
import type { Scenario } from './scenario.ts'
import { THROUGHPUT, transfer } from './tcp.ts'

/** The network of the host behind the left end. */
const ROUTER = '10.8.0.1'
const HOST = '10.8.0.2'
const NETWORK = '10.8.0.0/24'

/**
 * A bulk transfer of a host behind the left end, which forwards its packets. The super-packets that reach the
 * forwarder are those of the host, or those that the kernel has coalesced (GRO).
 */
export const forwarded: Scenario = {
  id: 'tcp1-forwarded',
  title: 'TCP forwarded for a host, 1 stream',
  metrics: [THROUGHPUT],
  async run(lane, context) {
    const { left, right } = lane
    await using host = await Namespace.open()
    const peer = `peer name lan0 netns ${left.namespace.pid}`
    await host.ip(
      `link add up0 type veth ${peer}`,
      `address add ${HOST}/24 dev up0`,
      'link set up0 up',
      `route add default via ${ROUTER}`,
    )
    await left.namespace.ip(`address add ${ROUTER}/24 dev lan0`, 'link set lan0 up')
    await left.namespace.run(['sysctl', '-qw', 'net.ipv4.ip_forward=1'])
    await right.namespace.ip(`route replace ${NETWORK} via ${addressOf(left, 0)}`)
    try {
      return await transfer(lane, context, { from: host })
    } finally {
      // The kernel removes a namespace later than its last process; the next run needs the name of the link.
      await left.namespace.ip('link delete lan0')
    }
  },
}
