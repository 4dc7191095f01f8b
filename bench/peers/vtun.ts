import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { End, Lane } from '../lane/lane.ts'
import { debianProgram, printed } from '../native/debian.ts'
import { versionOf } from '../native/tools.ts'
import type { Peer } from './peer.ts'

/** The longest packet that fits into its frames of 2 KiB, at an MTU of Ethernet. */
const LONGEST = 1500
const SESSION = 'lane'

/** vtun over UDP, without encryption. The control connection has a password. */
export const vtun: Peer = {
  id: 'vtun',
  title: 'vtun, no cipher',
  kind: 'user',
  encrypts: false,
  async prepare({ signal }) {
    const program = await debianProgram('vtun', 'vtund', signal)
    if ((await versionOf('socat', ['-V'])) === undefined)
      throw new Error('its server is started by socat, which is not installed')
    return {
      version: await printed(program, ['-h'], /VTun ver \S+ \S+/u),
      open: (lane) => open(lane, program),
    }
  },
}

/**
 * Starts the server at the left end, and the client at the right one. The server alone would fork a process for the
 * connection; behind socat, which executes it, it is the process that was started.
 */
async function open(lane: Lane, program: string): Promise<void> {
  const { left, right } = lane
  if (lane.mtu > LONGEST) throw new Error(`vtun carries packets of at most ${LONGEST} bytes`)
  const folder = await lane.folder()
  for (const end of lane.ends)
    await writeFile(join(folder, end.side), configuration(end, left.port))
  await haveAddress(right)
  const server = `${program} -n -i -f ${join(folder, 'left')}`
  const listen = `TCP4-LISTEN:${left.port},bind=127.0.0.1,reuseaddr`
  const first = await lane.forward(left, ['socat', listen, `EXEC:'${server}',nofork`])
  await first.until(() => left.host.listens(left.port), `listen on TCP port ${left.port}`)
  const client = ['-n', '-f', join(folder, 'right'), SESSION, '127.0.0.1']
  const second = await lane.forward(right, [program, ...client])
  for (const [end, forwarder] of [
    [left, first],
    [right, second],
  ] as const) {
    await forwarder.until(() => end.host.has(`lane-${end.side}`), 'make its interface')
    await lane.adopt(`lane-${end.side}`, end)
  }
}

/** Gives a host an address in addition to that of loopback. Without one, the client does not resolve addresses (AI_ADDRCONFIG). */
async function haveAddress({ host }: End): Promise<void> {
  await host.ip(
    'link add some0 type veth peer name some1',
    'link set dev some0 up',
    'address add 192.0.2.1/32 dev some0',
  )
}

function configuration({ side }: End, port: number): string {
  return [
    `options { port ${port}; timeout 60; }`,
    `${SESSION} {`,
    'passwd bench; type tun; proto udp; encrypt no; compress no; keepalive no; stat no; persist no;',
    `device lane-${side};`,
    '}',
    '',
  ].join('\n')
}
