import { createPersistent, openTap, openTun, removePersistent } from '../../../index.ts'
import { NEAR, tapIn, tunIn, udpPacket } from '../device.ts'
import { untilLinks } from '../gone.ts'
import { OPEN_TO_ALL } from '../nobody.ts'
import { INDEX } from '../script.ts'
import { type AdviceCase, adviceCases } from './room.ts'

/** Opens the clone device as descriptor 9, attaches it with the flags of its first argument, and runs the rest. */
const ATTACHED = `
import fcntl, os, struct, sys
fd = os.open('/dev/net/tun', os.O_RDWR)
flags = int(sys.argv[1])
if flags: fcntl.ioctl(fd, 0x400454ca, struct.pack('16sH22x', b'adopt0', flags))
os.dup2(fd, 9)
os.execv(sys.argv[2], sys.argv[2:])`
const [NONE, TUN, TAP] = ['0', '4097', '4098']

const attached = (flags: string | undefined) => ['python3', '-c', ATTACHED, flags ?? '']

/** Loads a filter as descriptor 9, an eBPF program that accepts everything, and runs the arguments. */
const LOADED = `
import ctypes, os, struct, sys
code = struct.pack('<BBhi', 0xb7, 0, 0, -1) + struct.pack('<BBhi', 0x95, 0, 0, 0)
buffer, license = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b'GPL')
attributes = struct.pack('<IIQQIIQII', 1, 2, ctypes.addressof(buffer), ctypes.addressof(license), 0, 0, 0, 0, 0)
attributes = ctypes.create_string_buffer(attributes)
number = {'x86_64': 321, 'aarch64': 280}[os.uname().machine]
fd = ctypes.CDLL(None, use_errno=True).syscall(number, 5, attributes, 48)
if fd < 0: raise OSError(ctypes.get_errno(), 'bpf')
os.dup2(fd, 9)
os.execv(sys.argv[1], sys.argv[1:])`

/** Classic BPF: accept everything; jump beyond the end. */
const ACCEPT = { code: 6, jt: 0, jf: 0, k: 0xffff }
const JUMP = { code: 5, jt: 0, jf: 0, k: 9 }

export const DEVICES = adviceCases([
  {
    advice:
      'it is not attached to an interface, or the interface was deleted: call TUNSETIFF first',
    tools: ['python3'],
    run: async ({ t, advised, script }) => {
      const open = 'say(await attempt(async () => (await tun2udp.openTun({ fd: 9 })).close()))'
      const [message = ''] = await script(open, ...attached(NONE))
      advised(message)
      t.deepEqual(await script(open, ...attached(TUN)), ['works'])
    },
  },
  {
    advice: "it is not open for the TUN driver's clone device",
    tools: ['python3'],
    run: async ({ t, advised, script }) => {
      const body = `
        import { openSync } from 'node:fs'
        const open = (fd) => attempt(async () => (await tun2udp.openTun({ fd })).close())
        say(await open(openSync('/dev/null', 'r+')), await open(9))`
      const [message = '', then] = await script(body, ...attached(TUN))
      advised(message)
      t.is(then, 'works')
    },
  },
  ...[
    { flags: TUN, wrong: 'openTap', right: 'openTun' },
    { flags: TAP, wrong: 'openTun', right: 'openTap' },
  ].map(({ flags, wrong, right }): AdviceCase => ({
    advice: 'open it as a {actual} device',
    of: right,
    tools: ['python3'],
    run: async ({ t, advised, script }) => {
      const body = `
          const open = (name) => attempt(async () => (await tun2udp[name]({ fd: 9 })).close())
          say(await open('${wrong}'), await open('${right}'))`
      const [message = '', then] = await script(body, ...attached(flags))
      advised(message)
      t.is(then, 'works')
    },
  })),
  {
    advice: 'the interface was deleted while it was in use: open it again',
    run: async ({ t, namespace, ip, refused }) => {
      const options = { name: 'gone0', addresses: [NEAR] }
      const tun = await tunIn(t, namespace, options)
      const reading = tun.read()
      await ip('link delete gone0')
      await refused(reading)
      const again = await tunIn(t, namespace, options)
      await again.write(udpPacket(9, 'x'))
      t.is(again.stats().written.packets, 1)
    },
  },
  {
    advice:
      'not a packet for this interface: a TUN device accepts IPv4 and IPv6 packets, a TAP device Ethernet frames of at least 14 bytes',
    run: async ({ t, namespace, refused }) => {
      const tun = await tunIn(t, namespace, { addresses: [NEAR] })
      await refused(tun.write(Buffer.alloc(40, 0xff)))
      await tun.write(udpPacket(9, 'x'))
      const tap = await tapIn(t, namespace)
      await refused(tap.write(Buffer.alloc(13)))
      await tap.write(Buffer.alloc(14))
    },
  },
  {
    advice: 'its mode forbids it: the usual mode is 0666 (chmod 666 /dev/net/tun)',
    tools: ['setpriv', 'unshare'],
    isOtherUser: true,
    run: async ({ t, netns, ip, advised, script }) => {
      await createPersistent({ netns, mode: 'tun', name: 'alice0', owner: 65_534 })
      await ip('link set alice0 up')
      // The first process is one without privileges, and the second one is root, who follows the advice.
      const body = `
        import { execFileSync } from 'node:child_process'
        const script = \`
          import { openTun } from '${INDEX}'
          const open = async () => (await openTun({ name: 'alice0' })).close()
          console.log(await open().then(() => 'works', (error) => error.message))\`
        const nobody = '--reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all'
        const open = () => execFileSync(
          'setpriv',
          [...nobody.split(' '), process.execPath, '--input-type=module', '-e', script],
          { encoding: 'utf8' },
        ).trim()
        const message = open()
        execFileSync('sh', ['-c', /\\((chmod [^)]+)\\)/.exec(message)?.[1] ?? 'false'])
        say(message, open())`
      const narrow = `${OPEN_TO_ALL}; chmod 600 /dev/net/tun; exec "$@"`
      const [message = '', then] = await script(
        body,
        'unshare',
        '--mount',
        'sh',
        '-ec',
        narrow,
        'sh',
      )
      advised(message)
      t.is(then, 'works')
    },
  },
  {
    advice: 'an interface with that index exists: choose another index',
    run: async ({ t, namespace, netns, refused }) => {
      await refused(openTun({ netns, name: 'new0', ifIndex: 1 }))
      t.is((await tunIn(t, namespace, { name: 'new0', ifIndex: 9_001 })).ifIndex, 9_001)
    },
  },
  {
    advice: 'it already has {MAX_QUEUES} queues, the maximum: open fewer queues',
    run: async ({ t, namespace, netns, refused }) => {
      const full = await tunIn(t, namespace, { name: 'queues0', queues: 256 })
      await refused(openTun({ netns, name: 'queues0', multiQueue: true }))
      await full.close()
      await untilLinks(t, namespace, [])
      await tunIn(t, namespace, { name: 'queues0', queues: 255 })
      await tunIn(t, namespace, { name: 'queues0', multiQueue: true })
    },
  },
  {
    advice: 'no number is left for this name template: choose another template',
    run: async ({ t, namespace, netns, refused }) => {
      // Of 15 bytes, two are left for the number.
      const template = 'abcdefghijklm%d'
      const links = Array.from(
        { length: 100 },
        (_, index) => `link add ${template.replace('%d', `${index}`)} type bridge`,
      )
      await namespace.run('sh', '-c', `printf '${links.join(String.raw`\n`)}\n' | ip -batch -`)
      await refused(openTun({ netns, name: template }))
      t.is((await tunIn(t, namespace, { name: 'vpn%d' })).name, 'vpn0')
    },
  },
  {
    advice:
      'the descriptor is not that of a loaded eBPF program of the type BPF_PROG_TYPE_SOCKET_FILTER',
    tools: ['python3'],
    run: async ({ t, advised, script }) => {
      const body = `
        const tun = await tun2udp.openTun()
        say(await attempt(() => tun.setEbpfFilter(0)), await attempt(() => tun.setEbpfFilter(9)))
        await tun.close()`
      const [message = '', then] = await script(body, 'python3', '-c', LOADED)
      advised(message)
      t.is(then, 'works')
    },
  },
  {
    advice: 'it is not open: give the descriptor that bpf(BPF_PROG_LOAD) returned',
    tools: ['python3'],
    run: async ({ t, advised, script }) => {
      const body = `
        const tun = await tun2udp.openTun()
        say(await attempt(() => tun.setEbpfFilter(999)), await attempt(() => tun.setEbpfFilter(9)))
        await tun.close()`
      const [message = '', then] = await script(body, 'python3', '-c', LOADED)
      advised(message)
      t.is(then, 'works')
    },
  },
  {
    advice: 'put multicast addresses last, or give fewer: no filter is set now',
    run: async ({ t, namespace, refused }) => {
      const tap = await tapIn(t, namespace)
      const unicast = Array.from({ length: 9 }, (_, index) => `02:00:00:00:00:0${index}`)
      const multicast = '01:00:5e:00:00:01'
      await refused(
        tap.setMacFilter({ addresses: [...unicast.slice(0, 8), multicast, '02:00:00:00:00:09'] }),
      )
      await tap.setMacFilter({ addresses: [...unicast.slice(0, 8), multicast] })
      await tap.setMacFilter({ addresses: unicast.slice(0, 8) })
    },
  },
  {
    advice:
      'not a valid classic BPF program: each jump must lead to one of its instructions, and the last one must return',
    run: async ({ t, namespace, refused }) => {
      const tap = await tapIn(t, namespace)
      await refused(tap.setFilter([JUMP, ACCEPT]))
      await refused(tap.setFilter([ACCEPT, { code: 0, k: 1 }]))
      await tap.setFilter([{ ...JUMP, k: 0 }, ACCEPT])
    },
  },
  {
    advice:
      'the user namespace that this process is in does not map that number: use one of /proc/self/uid_map or gid_map',
    tools: ['unshare'],
    run: async ({ t, advised, script }) => {
      const body = `
        const tun = await tun2udp.openTun()
        const owner = (user) => attempt(() => tun.setOwner(user))
        const group = (group) => attempt(() => tun.setGroup(group))
        say(await owner(65534), await group(65534), await owner(0), await group(0))
        await tun.close()`
      const [user = '', group = '', ...then] = await script(body, 'unshare', '-Urn')
      advised(user)
      advised(group)
      t.deepEqual(then, ['works', 'works'])
    },
  },
  {
    advice: 'give a name or a number from 0 to {}',
    run: async ({ t, namespace, refused }) => {
      const tun = await tunIn(t, namespace)
      await refused(tun.setOwner('no-such-user'))
      await refused(tun.setGroup('no-such-group'))
      await tun.setOwner('root')
      await tun.setOwner(0)
      await tun.setGroup(4_294_967_294)
    },
  },
  {
    advice: 'use the address of one station, such as 02:00:00:00:00:01',
    run: async ({ t, namespace, netns, refused }) => {
      await refused(openTap({ netns, macAddress: '01:00:5e:00:00:01' }))
      const tap = await tapIn(t, namespace, { macAddress: '02:00:00:00:00:01' })
      t.is((await tap.link()).macAddress, '02:00:00:00:00:01')
    },
  },
  {
    advice: 'it was not detached, or the interface was deleted',
    run: async ({ t, namespace, refused }) => {
      const tun = await tunIn(t, namespace, { queues: 2 })
      await refused(tun.attachQueue(1))
      await tun.detachQueue(1)
      await tun.attachQueue(1)
    },
  },
  {
    advice: 'it is already detached',
    run: async ({ t, namespace, refused }) => {
      const tun = await tunIn(t, namespace, { queues: 2 })
      await tun.detachQueue(1)
      await refused(tun.detachQueue(1))
      await tun.attachQueue(1)
      await tun.detachQueue(1)
    },
  },
  {
    advice: 'see "ip link show type tun" for those that are there',
    run: async ({ t, netns, ip, refused }) => {
      await createPersistent({ netns, mode: 'tun', name: 'kept0' })
      const message = await refused(removePersistent('kept1', { netns }))
      const [, command = ''] = /"ip (link[^"]+)"/u.exec(message) ?? []
      const [, name = ''] = /^\d+: (\w+):/u.exec(await ip(command)) ?? []
      t.is(name, 'kept0')
      await removePersistent(name, { netns })
    },
  },
  {
    advice: 'remove it by "ip link delete"',
    run: async ({ t, netns, netlink, ip, refused }) => {
      await ip('link add v0 type bridge')
      const message = await refused(removePersistent('v0', { netns }))
      const [, command = ''] = /"ip (link[^"]+)"/u.exec(message) ?? []
      await ip(`${command} v0`)
      t.is(await netlink.links.find('v0'), undefined)
    },
  },
  {
    advice: 'it ends with the process that holds it',
    run: async ({ t, namespace, netns, netlink, refused }) => {
      const tun = await tunIn(t, namespace, { name: 'held0' })
      await refused(removePersistent('held0', { netns }))
      await tun.close()
      t.is(await netlink.links.find('held0'), undefined)
    },
  },
])
