import { createRequire } from 'node:module'
import { type ListedDevice, listDevices } from '../../lib/persistent/persistent.ts'
import type { ListCommand } from './arguments.ts'
import { USAGE } from './output.ts'

/** The text of `--help`. */
export const HELP = `${USAGE}
Options of this program alone:
  --tun            a TUN device (IP packets) rather than a TAP device
  --multi-queue    a device that may have several queues
  --netns <name|path|pid>
                   in that network namespace
  --list           print the TUN and TAP devices, with who holds them
  --json           print JSON
  --help           print this help
  --version        print the version
`

/** Returns the version of the package. */
export function version(): string {
  const { version } = createRequire(import.meta.url)('tun2udp/package.json') as { version: string }
  return version
}

/** Returns the text of `--list`: one line per device, or JSON. */
export async function list({ isJson, netns }: ListCommand): Promise<string> {
  const where = netns === undefined ? {} : { netns: Buffer.from(netns, 'latin1').toString() }
  const devices = await listDevices(where)
  if (isJson) return `${JSON.stringify(devices)}\n`
  return devices.map((device) => `${describe(device)}\n`).join('')
}

/** Describes a device: `tap0: tap persistent uid 1000 multi-queue up mtu 1500 held by 4711 (qemu)`. */
function describe(device: ListedDevice): string {
  const holders = device.holders.map(({ pid, command }) => `${pid} (${command})`)
  const parts = [
    `${device.name}: ${device.mode}`,
    device.persistent && 'persistent',
    device.owner !== undefined && `uid ${device.owner}`,
    device.group !== undefined && `gid ${device.group}`,
    device.multiQueue && 'multi-queue',
    device.packetInformation && 'pi',
    device.vnetHeader && 'vnet-hdr',
    device.up && 'up',
    `mtu ${device.mtu}`,
    holders.length > 0 && `held by ${holders.join(', ')}`,
  ]
  return parts.filter((part) => part !== false).join(' ')
}
