import { TunError } from '../../../index.ts'
import type { State } from './finding.ts'
import { type System, sysctl } from './system.ts'

/** The oldest kernel that sends and receives GSO batches by one call (`UDP_GRO`), and that with USO. */
const KERNEL_GRO = [5, 0] as const
const KERNEL_USO = [6, 2] as const

/** The package, Node and the addon. */
export function versions({
  versions: { package: version, node, platform },
  features,
}: System): State {
  const found = `tun2udp ${version} on Node ${node}, ${platform}`
  if (features instanceof TunError && features.code === 'ERR_TUN_NATIVE_LOAD') {
    return {
      level: 'problem',
      found,
      meaning: 'The native addon does not load.',
      advice: features.message,
    }
  }
  return { level: 'ok', found, meaning: 'The native addon loads.' }
}

/** The release of the kernel. */
export function kernel({ features, read }: System): State {
  const release = read('/proc/sys/kernel/osrelease')
  if (release === undefined) {
    return {
      level: 'note',
      found: 'the release of the kernel cannot be read',
      meaning: 'Without /proc, several checks have no result.',
      advice: 'mount /proc',
    }
  }
  const found = `Linux ${release}`
  if (isBefore(release, KERNEL_GRO)) {
    return {
      level: 'note',
      found,
      meaning: 'Datagrams are received one by one: UDP_GRO needs Linux 5.0.',
      advice: 'use a newer kernel where throughput matters',
    }
  }
  const hasUso = !(features instanceof TunError) && features.offloads?.uso === true
  if (isBefore(release, KERNEL_USO) && !hasUso) {
    return {
      level: 'note',
      found,
      meaning:
        'UDP packets are read and written one by one: USO needs Linux 6.2. TCP is not affected.',
    }
  }
  return { level: 'ok', found, meaning: 'It has everything that the relay uses.' }
}

function isBefore(release: string, [major, minor]: readonly [number, number]): boolean {
  const [first = 0, second = 0] = release.split('.').map((part) => Number.parseInt(part, 10))
  return first < major || (first === major && second < minor)
}

/** The TUN/TAP driver and its clone device. */
export function driver({ features }: System): State {
  if (features instanceof TunError) {
    if (features.code === 'ERR_TUN_NATIVE_LOAD') {
      return {
        level: 'note',
        found: 'not known',
        meaning: 'Only the native addon can open the clone device.',
      }
    }
    const advice = features.message
    return {
      level: 'problem',
      found: 'the clone device cannot be opened',
      meaning: 'No interface can be created or attached to.',
      advice,
    }
  }
  const { multiQueue, vnetHeader } = features.flags
  const found = 'the clone device opens'
  if (!vnetHeader) {
    return {
      level: 'note',
      found: `${found}, no IFF_VNET_HDR`,
      meaning: 'Packets are read and written one by one.',
    }
  }
  if (!multiQueue) {
    return {
      level: 'note',
      found: `${found}, no IFF_MULTI_QUEUE`,
      meaning: 'An interface has a single queue.',
    }
  }
  return { level: 'ok', found, meaning: 'Interfaces can have offloads and several queues.' }
}

/** The offloads of the driver. */
export function offloads({ features }: System): State {
  const granted = features instanceof TunError ? undefined : features.offloads
  if (!granted) {
    return {
      level: 'note',
      found: 'not known',
      meaning: 'Finding them takes a temporary interface, which this process may not create.',
      advice: 'run the check with CAP_NET_ADMIN, for example as root',
    }
  }
  const { tso4, tso6, uso } = granted
  const names = [tso4 && tso6 && 'TSO', uso && 'USO'].filter((name) => name !== false)
  if (names.length === 2) {
    return {
      level: 'ok',
      found: names.join(', '),
      meaning: 'TCP and UDP pass the interface in super-packets.',
    }
  }
  return {
    level: 'note',
    found: names.join(', ') || 'none',
    meaning: `${tso4 && tso6 ? 'UDP packets are' : 'Packets are'} read and written one by one, which is slower.`,
  }
}

/** io_uring(7), for devices in JavaScript. */
export function ioUring(system: System): State {
  const { features } = system
  const available = features instanceof TunError ? undefined : features.controls?.ioUring
  const disabled = sysctl(system, 'kernel.io_uring_disabled') ?? 0
  if (available === true) {
    return {
      level: 'ok',
      found: 'available',
      meaning: 'A busy device in JavaScript reads several packets by one call.',
    }
  }
  const meaning = 'Devices in JavaScript read one packet per call. The relay does not use io_uring.'
  if (disabled > 0) {
    const found = `kernel.io_uring_disabled = ${disabled}`
    return {
      level: 'note',
      found,
      meaning,
      advice: '"sysctl kernel.io_uring_disabled=0" permits it',
    }
  }
  if (available === undefined) return { level: 'note', found: 'not known', meaning }
  return {
    level: 'note',
    found: 'not available',
    meaning,
    advice: 'a container runtime or seccomp(2) filter may refuse it: permit io_uring_setup there',
  }
}
