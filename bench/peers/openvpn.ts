import { debianProgram, printed } from '../native/debian.ts'
import type { Peer } from './peer.ts'

/** OpenVPN from point to point, without keys. Encryption and authentication are off, and so is its kernel module. */
export const openvpn: Peer = {
  id: 'openvpn',
  title: 'OpenVPN, no cipher',
  kind: 'user',
  encrypts: false,
  async prepare({ signal }) {
    const program = await debianProgram('openvpn', 'openvpn', signal)
    return {
      version: await printed(program, ['--version'], /OpenVPN \d\S*/u),
      open: (lane) =>
        lane.join(({ port, peerPort }, device) => [
          ...[program, '--dev', device, '--dev-type', 'tun', '--proto', 'udp4'],
          ...['--local', '127.0.0.1', '--lport', String(port)],
          ...['--remote', '127.0.0.1', '--rport', String(peerPort)],
          ...['--cipher', 'none', '--auth', 'none', '--disable-dco'],
          // By default it limits the segments of TCP to those of an Ethernet link.
          ...['--tun-mtu', String(lane.mtu), '--mssfix', '0', '--fast-io', '--verb', '1'],
        ]),
    }
  },
}
