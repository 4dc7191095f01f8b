const DEVICE = '__test__/netns/device/advice.spec.ts'
const FLAGS = '__test__/lib/native/flags.spec.ts'
const BUNDLES = '__test__/lib/native/bundles.spec.ts'

const DOCTOR = '__test__/bin/doctor.spec.ts'
const WITHOUT_FAULTS = [DOCTOR, 'on a machine without faults every check is ok'] as const

const CAPTURE = '__test__/netns/program/capture.spec.ts'
const CAPTURES = '__test__/netns/capture.spec.ts'
const COMMANDS = '__test__/bin/control/advice.spec.ts'
const FOUND = [
  COMMANDS,
  'without a relay of the name, a path or one of the listed names leads to it',
] as const
const FD_STORE = '__test__/netns/program/fd-store.spec.ts'
const HANDOVER = '__test__/netns/program/handover.spec.ts'

/** Advice that a test outside of the tables follows: its file and title. */
export const FOLLOWED_ELSEWHERE: Readonly<Record<string, readonly [file: string, title: string]>> =
  {
    'end the running one and start this one without --takeover': [
      HANDOVER,
      'a program of another protocol is refused, and started in place of the running one',
    ],
    'give its path with --control, or the name of the interface with --name': [
      HANDOVER,
      'without a path or a name no relay is found; with one of them it is taken over',
    ],
    'start without --takeover, or check --control of both processes': [
      '__test__/netns/program/takeover.spec.ts',
      'a take-over with other options changes them; one that does not fit is refused',
    ],
    'the service manager closes what it has kept, so start the service again': [
      FD_STORE,
      'descriptors of others are refused, and the next start is one without',
    ],
    'start the service again': [
      FD_STORE,
      'descriptors of others are refused, and the next start is one without',
    ],
    'the service manager must pass only what the relay has stored': [
      FD_STORE,
      'the service manager keeps interface and sockets over a crash and a restart',
    ],
    'mount /proc': WITHOUT_FAULTS,
    'write "tun2udp capture - | wireshark -k -i -", or name a file': [
      CAPTURE,
      'a capture is not written to a terminal',
    ],
    'leave both out for a stream': [
      CAPTURES,
      'a capture without a file is a stream, and ends with the stream',
    ],
    'write it with "tcpdump -y RAW -ddd EXPRESSION", or -y EN10MB for frames': [
      'crate/core/tests/capture_filter.rs',
      'programs_of_tcpdump_are_read',
    ],
    'write to a file, or to a pipe such as "| wireshark -k -i -"': [
      'crate/core/tests/relay_capture/streams.rs',
      'a_terminal_and_a_fifo_without_a_reader_are_refused',
    ],
    'it has no reader: start the reader first': [
      'crate/core/tests/relay_capture/streams.rs',
      'a_terminal_and_a_fifo_without_a_reader_are_refused',
    ],
    'choose another name, or ask to overwrite it': [
      'crate/core/tests/relay_capture/output.rs',
      'existing_files_and_impossible_options_are_refused',
    ],
    'give the name of one': FOUND,
    'give the path of --control': FOUND,
    'give the path of --control, which contains a slash': FOUND,
    'no relay has a socket in {}; give the path of --control, which contains a slash': FOUND,
    'there are {}; give one of them, or a path, which contains a slash': FOUND,
    'give one of them, or a path, which contains a slash': FOUND,
    'start it with --config': [
      '__test__/netns/program/control.spec.ts',
      'reload prints what changed, or the place of the error',
    ],
    'this is a relay: write "tun2udp capture {} FILE"': [
      CAPTURE,
      'a name of a relay is not a file, and a full disk behind stdout is an error',
    ],
    'give a path with --control, or set XDG_RUNTIME_DIR to a folder of this user': [
      '__test__/bin/control/user.spec.ts',
      'a relay of an ordinary user has its socket in the run-time folder of the user',
    ],
    'use the mode tun, or one relay in the mode tap per peer': [
      'crate/core/tests/relay_frames.rs',
      'frames_have_a_single_peer_without_prefixes',
    ],
    'use a newer kernel where throughput matters': WITHOUT_FAULTS,
    '"sysctl kernel.io_uring_disabled=0" permits it': WITHOUT_FAULTS,
    'a container runtime or seccomp(2) filter may refuse it: permit io_uring_setup there':
      WITHOUT_FAULTS,
    '"sysctl {}" raises the limits': WITHOUT_FAULTS,
    '"sysctl {}" enables IPv6': WITHOUT_FAULTS,
    'give the interface a route to every network behind the peer (--route), or set net.ipv4.conf.all.rp_filter=2':
      WITHOUT_FAULTS,
    '"sysctl net.netfilter.nf_conntrack_max={}" doubles it': WITHOUT_FAULTS,
    '"sysctl {}" permits them': WITHOUT_FAULTS,
    '"ulimit -n 1024" raises the limit': WITHOUT_FAULTS,
    'run the check with CAP_NET_ADMIN, for example as root': [
      '__test__/netns/doctor.spec.ts',
      'as root a tunnel can be started',
    ],
    'run it as root, give the capability with setpriv(1), or use a persistent interface of this user (docs/guides/permissions.md)':
      [
        '__test__/netns/doctor.spec.ts',
        'without a capability it is a problem, and with CAP_NET_ADMIN alone it is none',
      ],
    'process {} ({}) holds it: end that process, or choose another name': [
      DEVICE,
      'busy, existing and of another mode: choose another name',
    ],
    'an interface of that name exists: choose another name, or allow an existing interface': [
      DEVICE,
      'busy, existing and of another mode: choose another name',
    ],
    'an interface of that name exists, and it is not a {mode} device or has another queue mode: run "ip -d link show", and choose another name':
      [DEVICE, 'busy, existing and of another mode: choose another name'],
    'an index can only be given to a new interface: omit it': [
      DEVICE,
      'busy, existing and of another mode: choose another name',
    ],
    'create it first, or allow a new interface': [
      DEVICE,
      'an interface that does not exist is created first',
    ],
    'use that prefix, or delete the address first': [
      DEVICE,
      'an address that the interface has with another prefix is given with that one',
    ],
    'the interface is down: bring it up (ip link set dev NAME up)': [
      DEVICE,
      'a write to an interface that is down: the command brings it up',
    ],
    'open it with several queues, or with multiQueue': [
      DEVICE,
      'queues, headers and filters: open it with, attach one first, give one',
    ],
    'attach one first': [
      DEVICE,
      'queues, headers and filters: open it with, attach one first, give one',
    ],
    'give at least one address, such as that of the device': [
      DEVICE,
      'queues, headers and filters: open it with, attach one first, give one',
    ],
    'open it with offload or vnetHeaderBytes': [
      DEVICE,
      'queues, headers and filters: open it with, attach one first, give one',
    ],
    'open it again': [
      DEVICE,
      'queues, headers and filters: open it with, attach one first, give one',
    ],
    'let one loop end before the next begins, or share the packets of one': [
      DEVICE,
      'queues, headers and filters: open it with, attach one first, give one',
    ],
    'it needs CAP_NET_ADMIN (run it as root), or a persistent device that belongs to this user and has all settings (as root: ip tuntap add dev NAME mode {mode} user NAME)':
      [DEVICE, 'without CAP_NET_ADMIN: a persistent device of the user, which root prepares'],
    '{}, or have root prepare the interface: {command}': [
      DEVICE,
      'without CAP_NET_ADMIN: a persistent device of the user, which root prepares',
    ],
    'the device node of the TUN driver is missing: in a container pass --device /dev/net/tun, otherwise run "mkdir -p /dev/net && mknod -m 666 /dev/net/tun c 10 200"':
      [DEVICE, 'without a device node, or with a narrow mode: the command makes it usable'],
    'start Node without --no-addons (also in NODE_OPTIONS, and in execArgv of a worker)': [
      FLAGS,
      '--no-addons is named, as an argument and in NODE_OPTIONS',
    ],
    "Node's permission model forbids addons: start Node with --allow-addons": [
      FLAGS,
      'the permission model needs --allow-addons, and then works',
    ],
    "Node's permission model hides the addon: add its directory with --allow-fs-read": [
      FLAGS,
      'the permission model needs --allow-fs-read for the addon, and then works',
    ],
    'start Deno with --allow-ffi': [FLAGS, 'Deno needs --allow-ffi, and then works'],
    'leave tun2udp out of the bundle (esbuild: --external:tun2udp, other bundlers: "external" or "externals") and install it where the bundle runs, or copy node_modules/{}/{} to {}':
      [BUNDLES, 'finds the addon next to the bundle'],
  }

/** Advice that no test follows, and why. */
export const NOT_FOLLOWED: Readonly<Record<string, string>> = {
  'this kernel has no TUN driver loaded: run "modprobe tun"':
    'the tests need the driver, and no namespace has modules of its own',
  'it needs CAP_NET_RAW before Linux 5.7': 'newer kernels permit it to every process',
  'the device cgroup forbids it: in a container pass --device /dev/net/tun, in a systemd unit set DeviceAllow=/dev/net/tun rw':
    'a device cgroup belongs to the machine, not to a namespace',
  'this process has {}, but not over {object}: it belongs to another user namespace, or a security module or sandbox refuses the call':
    'it names the cause; only the administrator of that namespace or sandbox can change it',
  'a classic BPF filter of a process that has ended is still attached: delete the interface and create it again, or omit packet information':
    'the kernel reads the program again at its old address, where this process may have memory too',
  'another process holds it: end that process, or choose another name':
    'it replaces the advice with the process if /proc hides that process',
  'an interface of that name exists: choose another name':
    'the kernel returns it only if another process creates the interface at the same moment',
  'use 1 to 15 bytes such as tun0, or a template with one %d such as vpn%d':
    'lib/check refuses such a name first; crate/core/src/device/name.rs tests the rule',
  'open a TAP device for it':
    'TunDevice has no method that needs a TAP device; the error is for callers of the Rust core',
  'look for it in each namespace: ip -all netns exec ip link show type tun':
    'it is for kernels before 5.2, which do not report the namespace of a device',
  'raise the limit on threads (ulimit -u, pids.max of the control group)':
    'root has no limit by ulimit, and a control group belongs to the machine',
  'raise the limits on threads and descriptors (ulimit -u, -n)':
    'the runtime starts before a test could reach the limit; see the advice on open files',
  'this kernel has no IPv6, or was started with ipv6.disable=1': 'it is for another kernel',
  'no route has all of these properties: list the routes':
    'the kernel returns it only if the route is deleted between the look-up and the request',
  'no rule has all of these properties: list the rules':
    'the kernel returns it only if the rule is deleted between the look-up and the request',
  "the kernel's answer was lost: look whether it was done":
    'the receive buffer grows before the kernel loses a reply',
  'list them again': 'list() does so itself; __test__/netns/netlink-changing.spec.ts tests it',
  'give a filter, since a shorter list takes less time, or use stream() and accept that an object may be missing or be there twice':
    'list() succeeds before the attempts end; __test__/lib/netlink tests the error',
  'packets there cannot arrive by that input link':
    'lib takes an input link only with a source, whose advice is followed',
  'give the name of an interface, or its index':
    'lib/check refuses the index 0 first, with the same words',
  'list the addresses': 'the kernel refuses such an address first, with the same advice',
  'this kernel has no links of kind {}: load its module, if there is one':
    'no namespace has modules of its own',
  'give both as IPv4 or both as IPv6': 'lib/relay refuses it first, and names the family',
  'leave the address out, or give all peers as IPv4 or all as IPv6':
    'lib/relay compares each peer with `listen` first, and names the family',
  'give its interface, such as {address}%eth0': 'lib/check refuses it first, with the same words',
  'leave out "%{zone}"': 'lib/check refuses it first, with the address to give',
  'use one queue': 'it is for kernels that refuse eBPF to this process',
  'leave out --user, or start the process as that user':
    'setresuid(2) fails for root only without memory, or with a security module',
  'start the process as root, and let it become that user itself':
    'the kernel takes the capabilities of all threads at that change',
  'listen in the primary process instead':
    'a worker of node:cluster cannot follow it; the primary process is every other test of listen()',
  'tun2udp can be imported anywhere, but used on Linux only': 'it is for other systems',
  'copy it again from the package tun2udp-{}':
    'the file that it names is damaged only by its copier; an addon next to the bundle is tested',
  'build it again for this system: `npm run build`': 'each test runs after this command',
  'build it in a clone of the repository: `npm run build`':
    'it is for processors without a package',
  'install tun2udp again on this system, with optional dependencies (no --omit=optional, no lock file or node_modules of another system)':
    '__test__/packages/install.spec.ts installs the packages, as part of scripts/test-packages.sh',
  'leave tun2udp out of the bundle (webpack: externals: { tun2udp: "commonjs tun2udp" })':
    'webpack is not among the test tools; docs/bundlers.md has its configuration',
  "this system's glibc is older than {}: update the system, or build in a clone of the repository":
    'it is for older systems',
  'build for Node (esbuild: --platform=node), or leave tun2udp out of the bundle (esbuild: --external:tun2udp)':
    'the bundles of __test__/lib/native/bundles.spec.ts that are built for Node work',
}
