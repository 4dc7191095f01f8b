import test from 'ava'
import { Device, Netlink, Peers, Relay, TapDevice, TunDevice, TunError } from '../../../index.ts'

type Constructor = new (...given: unknown[]) => object

const Tun = TunDevice as unknown as Constructor
const OPENERS: readonly [constructor: unknown, name: string, opener: string][] = [
  [Relay, 'Relay', 'startRelay()'],
  [Peers, 'Peers', 'startRelay()'],
  [Netlink, 'Netlink', 'openNetlink()'],
  [TunDevice, 'TunDevice', 'openTun()'],
  [TapDevice, 'TapDevice', 'openTap()'],
  [Device, 'Device', 'openTun() or openTap()'],
  [class extends Tun {}, 'TunDevice', 'openTun()'],
]

test('objects come from functions, and constructors name them', (t) => {
  for (const [constructor, name, opener] of OPENERS) {
    for (const given of [[], [Symbol('tun2udp'), {}], [{ info: {} }, 256]]) {
      t.throws(() => new (constructor as Constructor)(...given), {
        instanceOf: TunError,
        code: 'ERR_TUN_INVALID_ARGUMENT',
        message: `Invalid call of new ${name}(): call ${opener} instead`,
      })
    }
  }
})
