import { createRequire } from 'node:module'
import { type Left, runOurs, tunctlTest } from '../../support/tunctl.ts'

const { version } = createRequire(import.meta.url)('tun2udp/package.json') as { version: string }
const USAGE = /^Create: tunctl \[-b\] \[-u owner\]/u

/** The TUN and TAP devices, with the driver's properties of them. */
function devices({ devices: all }: Left): Record<string, unknown>[] {
  return all
    .filter(({ ifname }) => ifname !== 'lo')
    .map(({ ifname, linkinfo }) => {
      const { info_data: data } = linkinfo as { info_data: Record<string, unknown> }
      return {
        name: ifname,
        type: data['type'],
        multiQueue: data['multi_queue'],
        user: data['user'],
      }
    })
}

const HELP_OPTIONS = [
  '--tun',
  '--multi-queue',
  '--list',
  '--json',
  '--netns',
  '--help',
  '--version',
]

tunctlTest('--help names every option, on stdout, before anything is done', {}, async (t) => {
  const { stdout, stderr, status, devices: left } = await runOurs('tunctl -t x --help -y')
  t.is(status, 0)
  t.is(stderr, '')
  t.regex(stdout, USAGE)
  for (const option of HELP_OPTIONS) t.regex(stdout, new RegExp(`^  ${option}\\b`, 'mu'))
  t.is(left.length, 1)
})

tunctlTest('--version', {}, async (t) => {
  t.like(await runOurs('tunctl --version'), { stdout: `${version}\n`, stderr: '', status: 0 })
})

tunctlTest('what is wrong before --help or --version is told', {}, async (t) => {
  for (const line of ['tunctl -x --help', 'tunctl -u nosuch --version']) {
    const { stdout, status } = await runOurs(line)
    t.is(stdout, '')
    t.is(status, 1)
  }
})

tunctlTest('--tun makes a TUN device, in the words for a TAP device', {}, async (t) => {
  const left = await runOurs('tunctl --tun -t x; tunctl -b --tun; tunctl --tun -d x')
  t.is(left.stderr, '')
  t.is(left.stdout, "Set 'x' persistent and owned by uid 0\ntun0\nSet 'x' nonpersistent\n")
  t.deepEqual(devices(left), [{ name: 'tun0', type: 'tun', multiQueue: false, user: 'root' }])
})

tunctlTest('a TAP device is no TUN device', {}, async (t) => {
  const left = await runOurs('tunctl -t x; tunctl --tun -t x; tunctl --tun -d x')
  t.is(left.stderr, 'TUNSETIFF: Invalid argument\n'.repeat(2))
  t.deepEqual(devices(left), [{ name: 'x', type: 'tap', multiQueue: false, user: 'root' }])
})

tunctlTest('--multi-queue', {}, async (t) => {
  const left = await runOurs(
    'tunctl --multi-queue -t x -u 4005; tunctl --tun -t y --multi-queue; tunctl -d x; tunctl -d y',
  )
  t.is(left.stderr, 'TUNSETIFF: Invalid argument\n'.repeat(2))
  t.deepEqual(devices(left), [
    { name: 'x', type: 'tap', multiQueue: true, user: 4005 },
    { name: 'y', type: 'tun', multiQueue: true, user: 'root' },
  ])
  const removed = await runOurs('tunctl --multi-queue -t x; tunctl --multi-queue -d x')
  t.is(removed.stderr, '')
  t.deepEqual(devices(removed), [])
})

tunctlTest('--json tells what was made and removed', {}, async (t) => {
  const { stdout, stderr } = await runOurs(
    'tunctl --json -t x -u 4294967290 -g 7; tunctl --json -bt x -g 8; tunctl --tun -t ä --json; tunctl -d x --json',
  )
  t.is(stderr, '')
  const lines = Buffer.from(stdout, 'latin1').toString().trimEnd().split('\n')
  t.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    [
      { name: 'x', mode: 'tap', persistent: true, owner: 4_294_967_290, group: 7 },
      { name: 'x', mode: 'tap', persistent: true, group: 8 },
      { name: 'ä', mode: 'tun', persistent: true, owner: 0 },
      { name: 'x', mode: 'tap', persistent: false },
    ],
  )
})

const HELD = `
ip tuntap add held mode tun multi_queue pi
socat -u TUN,tun-name=t,tun-type=tap,iff-no-pi,iff-up - >/dev/null 2>&1 &
until grep -q "iff:.t" /proc/$!/fdinfo/* 2>/dev/null; do sleep 0.01; done
echo $! >"$left/pid"
ip tuntap add dev u mode tap user 7 group 8 vnet_hdr`

tunctlTest('--list tells of every device, and who holds it', { before: HELD }, async (t) => {
  const line = 'tunctl --list; cat "$left/pid"; rm "$left/pid"'
  const { stdout, stderr, status } = await runOurs(line, { before: HELD })
  t.is(stderr, '')
  t.is(status, 0)
  const pid = /(\d+)\n$/u.exec(stdout)?.[1]
  t.is(
    stdout,
    'held: tun persistent multi-queue pi mtu 1500\n' +
      `t: tap up mtu 1500 held by ${pid} (socat)\n` +
      `u: tap persistent uid 7 gid 8 vnet-hdr mtu 1500\n${pid}\n`,
  )
})

tunctlTest('--list --json', { before: HELD }, async (t) => {
  const { stdout, stderr } = await runOurs('tunctl --json --list', { before: HELD })
  t.is(stderr, '')
  const listed = JSON.parse(stdout) as { name: string; holders: { command: string }[] }[]
  t.like(listed[0], { name: 'held', mode: 'tun', up: false, packetInformation: true, holders: [] })
  t.like(listed[1], { name: 't', mode: 'tap', up: true, persistent: false })
  t.deepEqual(
    listed[1]?.holders.map(({ command }) => command),
    ['socat'],
  )
  t.like(listed[2], { name: 'u', owner: 7, group: 8, vnetHeader: true, multiQueue: false })
})

tunctlTest('--list where there is none', {}, async (t) => {
  t.like(await runOurs('tunctl --list'), { stdout: '', stderr: '', status: 0 })
  t.like(await runOurs('tunctl --list --json'), { stdout: '[]\n', stderr: '', status: 0 })
})

tunctlTest('--list goes with no option of making or removing', {}, async (t) => {
  for (const option of ['-b', '-t x', '-d x', '-f x', '-u 5', '-g 5', '--tun', '--multi-queue']) {
    const { stdout, stderr, status } = await runOurs(`tunctl --list ${option}`)
    t.is(stdout, '', option)
    t.is(status, 1, option)
    t.regex(stderr, /^tunctl: option '--list' goes with '--json' and '--netns' only\nCreate: /u)
  }
  t.regex((await runOurs('tunctl --list x')).stderr, USAGE)
})

/** A namespace in the case's own mount namespace. */
const NETNS = 'mount -t tmpfs none /run; ip netns add blue'

tunctlTest('--netns makes, lists and removes in another namespace', {}, async (t) => {
  const line = `
    tunctl --netns blue -t x; tunctl --netns=blue --tun -bt y; tunctl --netns /run/netns/blue -d x
    tunctl --list; tunctl --list --netns blue`
  const left = await runOurs(line, { before: NETNS })
  t.is(left.stderr, '')
  t.is(
    left.stdout,
    "Set 'x' persistent and owned by uid 0\ny\nSet 'x' nonpersistent\n" +
      'y: tun persistent uid 0 mtu 1500\n',
  )
  t.deepEqual(devices(left), [])
})

tunctlTest('a namespace that is not there, or is no name of one, is one line', {}, async (t) => {
  for (const line of ['tunctl --netns nosuch', 'tunctl --list --netns nosuch']) {
    const { stderr, status } = await runOurs(line)
    t.is(status, 1)
    t.regex(
      stderr,
      /^tunctl: enter the network namespace nosuch: No such file or directory; [^\n]+\n$/u,
    )
  }
  const empty = await runOurs('tunctl --list --netns ""')
  t.regex(empty.stderr, /^tunctl: Invalid netns "": expected [^\n]+\n$/u)
})

tunctlTest('--netns without its argument', {}, async (t) => {
  const { stderr, status } = await runOurs('tunctl --netns')
  t.is(status, 1)
  t.regex(stderr, /^tunctl: option '--netns' requires an argument\nCreate: /u)
})
