import test from 'ava'
import { type Features, TunError } from '../../index.ts'
import { canStart, examine, formatFindings, toJson } from '../../bin/tun2udp/doctor/doctor.ts'
import type { Level } from '../../bin/tun2udp/doctor/finding.ts'
import type { System } from '../../bin/tun2udp/doctor/system.ts'

const FEATURES = {
  kernelRelease: '6.8.0',
  flags: { multiQueue: true, vnetHeader: true, napi: true, napiFrags: true, noCarrier: true },
  offloads: {
    checksum: true,
    tso4: true,
    tso6: true,
    tsoEcn: true,
    uso: true,
    udpTunnel: false,
    udpTunnelChecksum: false,
  },
  controls: { carrier: true, ebpfSteering: true, ebpfFilter: true, namespace: true, ioUring: true },
  limits: { queues: 256, nameBytes: 15, filterInstructions: 4096 },
} satisfies Features

/** The files of a machine on which nothing is amiss. */
const FILES: Readonly<Record<string, string>> = {
  '/proc/sys/kernel/osrelease': '6.8.0-generic',
  '/proc/self/status': 'Name:\tnode\nCapEff:\t000001ffffffffff\n',
  '/proc/self/limits':
    'Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files',
  '/proc/sys/net/core/rmem_max': '212992',
  '/proc/sys/net/core/wmem_max': '212992',
  '/proc/sys/user/max_user_namespaces': '95000',
  '/proc/sys/net/ipv6/conf/all/disable_ipv6': '0',
  '/proc/net/if_inet6': '00000000000000000000000000000001 01 80 10 80       lo',
  '/proc/sys/net/ipv4/ip_forward': '0',
  '/proc/sys/net/ipv4/conf/all/rp_filter': '0',
  '/proc/sys/net/ipv4/conf/default/rp_filter': '2',
}

interface Changes {
  readonly files?: Readonly<Record<string, string | undefined>>
  readonly features?: Features | TunError
}

function machine({ files = {}, features = FEATURES }: Changes = {}): System {
  const all: Readonly<Record<string, string | undefined>> = { ...FILES, ...files }
  return {
    versions: { package: '1.2.3', node: '20.19.0', platform: 'linux-x64-gnu' },
    features,
    read: (path) => all[path],
  }
}

const refused = (code: 'ERR_TUN_NATIVE_LOAD' | 'ERR_TUN_NO_DEVICE_NODE') =>
  new TunError('open it: there is none; make one', { code })

const NO_CAPABILITY = 'CapEff:\t0000000000000000'
const ONLY_NET_ADMIN = 'CapEff:\t0000000000001000'
const { offloads, controls } = FEATURES

/** A change of the machine, and the result of one of the checks. */
const CASES: readonly [
  title: string,
  changes: Changes,
  check: string,
  level: Level,
  said: RegExp,
][] = [
  [
    'an addon that does not load',
    { features: refused('ERR_TUN_NATIVE_LOAD') },
    'versions',
    'problem',
    /make one/u,
  ],
  [
    'an addon that does not load',
    { features: refused('ERR_TUN_NATIVE_LOAD') },
    'driver',
    'note',
    /not known/u,
  ],
  [
    'no device node',
    { features: refused('ERR_TUN_NO_DEVICE_NODE') },
    'driver',
    'problem',
    /make one/u,
  ],
  [
    'no device node',
    { features: refused('ERR_TUN_NO_DEVICE_NODE') },
    'versions',
    'ok',
    /1\.2\.3.*20\.19\.0/u,
  ],
  [
    'an old kernel',
    { files: { '/proc/sys/kernel/osrelease': '4.19.0' } },
    'kernel',
    'note',
    /UDP_GRO/u,
  ],
  [
    'a kernel before USO',
    {
      files: { '/proc/sys/kernel/osrelease': '6.1.0' },
      features: { ...FEATURES, offloads: { ...offloads, uso: false } },
    },
    'kernel',
    'note',
    /USO needs Linux 6\.2/u,
  ],
  [
    'a kernel with USO of a distribution',
    { files: { '/proc/sys/kernel/osrelease': '5.14.0' } },
    'kernel',
    'ok',
    /everything/u,
  ],
  [
    'no /proc',
    { files: { '/proc/sys/kernel/osrelease': undefined } },
    'kernel',
    'note',
    /mount \/proc/u,
  ],
  [
    'no vnet header',
    { features: { ...FEATURES, flags: { ...FEATURES.flags, vnetHeader: false } } },
    'driver',
    'note',
    /IFF_VNET_HDR/u,
  ],
  [
    'no queues',
    { features: { ...FEATURES, flags: { ...FEATURES.flags, multiQueue: false } } },
    'driver',
    'note',
    /IFF_MULTI_QUEUE/u,
  ],
  [
    'no capability',
    { files: { '/proc/self/status': NO_CAPABILITY } },
    'capabilities',
    'problem',
    /setpriv/u,
  ],
  [
    'CAP_NET_ADMIN alone',
    { files: { '/proc/self/status': ONLY_NET_ADMIN } },
    'capabilities',
    'ok',
    /Missing: CAP_SETGID/u,
  ],
  [
    'no status',
    { files: { '/proc/self/status': undefined } },
    'capabilities',
    'problem',
    /CAP_NET_ADMIN/u,
  ],
  [
    'unknown offloads',
    { features: { ...FEATURES, offloads: undefined } as unknown as Features },
    'offloads',
    'note',
    /CAP_NET_ADMIN/u,
  ],
  [
    'no USO',
    { features: { ...FEATURES, offloads: { ...offloads, uso: false } } },
    'offloads',
    'note',
    /UDP packets/u,
  ],
  [
    'no TSO',
    { features: { ...FEATURES, offloads: { ...offloads, tso6: false } } },
    'offloads',
    'note',
    /Packets are/u,
  ],
  [
    'io_uring disabled',
    {
      files: { '/proc/sys/kernel/io_uring_disabled': '2' },
      features: { ...FEATURES, controls: { ...controls, ioUring: false } },
    },
    'io-uring',
    'note',
    /io_uring_disabled=0/u,
  ],
  [
    'io_uring refused',
    { features: { ...FEATURES, controls: { ...controls, ioUring: false } } },
    'io-uring',
    'note',
    /seccomp/u,
  ],
  [
    'small buffers',
    { files: { '/proc/self/status': NO_CAPABILITY } },
    'socket-buffers',
    'note',
    /rmem_max=4194304 net/u,
  ],
  ['small buffers for root', {}, 'socket-buffers', 'ok', /larger/u],
  [
    'few descriptors',
    { files: { '/proc/self/limits': 'Max open files  256  256  files' } },
    'open-files',
    'note',
    /ulimit -n 1024/u,
  ],
  [
    'no limit on descriptors',
    { files: { '/proc/self/limits': 'Max open files  unlimited  unlimited  files' } },
    'open-files',
    'ok',
    /256 queues/u,
  ],
  [
    'no user namespaces',
    { files: { '/proc/sys/user/max_user_namespaces': '0' } },
    'user-namespaces',
    'note',
    /max_user_namespaces=/u,
  ],
  [
    'user namespaces of AppArmor',
    { files: { '/proc/sys/kernel/apparmor_restrict_unprivileged_userns': '1' } },
    'user-namespaces',
    'note',
    /apparmor_restrict_unprivileged_userns=0/u,
  ],
  [
    'IPv6 disabled',
    { files: { '/proc/sys/net/ipv6/conf/all/disable_ipv6': '1' } },
    'ipv6',
    'note',
    /all\.disable_ipv6=0/u,
  ],
  [
    'a kernel without IPv6',
    { files: { '/proc/net/if_inet6': undefined } },
    'ipv6',
    'note',
    /has no IPv6/u,
  ],
  [
    'forwarding',
    { files: { '/proc/sys/net/ipv4/ip_forward': '1' } },
    'forwarding',
    'ok',
    /IPv4 on, IPv6 off/u,
  ],
  [
    'a strict reverse path filter',
    { files: { '/proc/sys/net/ipv4/conf/default/rp_filter': '1' } },
    'reverse-path-filter',
    'note',
    /--route/u,
  ],
  [
    'a strict filter that a loose one replaces',
    { files: { '/proc/sys/net/ipv4/conf/all/rp_filter': '1' } },
    'reverse-path-filter',
    'ok',
    /loose/u,
  ],
  [
    'a full table of connections',
    {
      files: {
        '/proc/sys/net/netfilter/nf_conntrack_count': '950',
        '/proc/sys/net/netfilter/nf_conntrack_max': '1000',
      },
    },
    'firewall',
    'note',
    /nf_conntrack_max=2000/u,
  ],
  [
    'tables of iptables',
    { files: { '/proc/net/ip_tables_names': 'nat\nfilter' } },
    'firewall',
    'ok',
    /iptables \(nat, filter\)/u,
  ],
]

for (const [title, changes, check, level, said] of CASES) {
  test(`${title}: ${check} is ${level}`, (t) => {
    const finding = examine(machine(changes)).find((one) => one.check === check)
    t.is(finding?.level, level)
    t.regex(`${finding?.found}\n${finding?.meaning}\n${finding?.advice}`, said)
  })
}

test('on a machine without faults every check is ok', (t) => {
  const findings = examine(machine())
  t.deepEqual(
    findings.filter(({ level }) => level !== 'ok'),
    [],
  )
  t.true(canStart(findings))
  t.true(findings.length > 10)
})

test('every state that is not ok says what it means', (t) => {
  for (const [, changes] of CASES) {
    for (const { level, meaning, advice } of examine(machine(changes))) {
      t.regex(meaning, /\.$/u)
      if (level === 'problem') t.truthy(advice)
    }
  }
})

test('both forms of the output have every finding', (t) => {
  const findings = examine(machine({ files: { '/proc/self/status': NO_CAPABILITY } }))
  const text = formatFindings(findings)
  for (const { check, found, meaning, advice } of findings) {
    t.true(text.includes(`  ${check} `) && text.includes(`  ${found}\n`) && text.includes(meaning))
    if (advice !== undefined) t.true(text.includes(`To do: ${advice}\n`))
  }
  t.regex(
    text,
    /\n11 ok, 1 note, 1 problem\. A tunnel cannot be started before the problem is solved\.\n$/u,
  )
  t.deepEqual(JSON.parse(toJson(findings)), { canStart: false, findings })
})
