import type { NativeDeviceOptions } from '#binding'
import { TunError } from '../errors.ts'
import { DEVICE_OPTIONS } from './deviceTable.ts'

/** Options that are checked. */
export interface CheckedDeviceOptions {
  readonly native: NativeDeviceOptions
  readonly highWaterMark: number
  readonly signal: AbortSignal | undefined
}

type Checked = ReturnType<typeof DEVICE_OPTIONS.check>

const HIGH_WATER_MARK_DEFAULT = 256

/**
 * Checks all options before anything is changed.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkDeviceOptions(options: unknown, isTap: boolean): CheckedDeviceOptions {
  const checked = DEVICE_OPTIONS.check(options)
  checkCompanions(checked, isTap)
  const { highWaterMark = HIGH_WATER_MARK_DEFAULT, signal, attach, ...rest } = checked
  const { offload, ...same } = rest
  const native = {
    isTap,
    mustExist: attach ?? false,
    exclusive: false,
    noCarrier: false,
    napi: false,
    napiFrags: false,
    queues: 1,
    multiQueue: (same.queues ?? 1) > 1,
    ioUring: true,
    addresses: [],
    routes: [],
    up: true,
    linkLocal: false,
    ...same,
    ...headersOf(same, offload),
  }
  return { native, highWaterMark, signal }
}

/** What stands before a packet, and which packets are super-packets. */
function headersOf(
  { packetInformation = false, vnetHeaderBytes }: Checked,
  offload: readonly string[] | undefined,
) {
  const offloads = offload ?? (packetInformation ? [] : ['tso', 'uso'])
  const hasHeader = offloads.length > 0 || vnetHeaderBytes !== undefined
  if (packetInformation && hasHeader) {
    throw new TunError(
      'Invalid packetInformation true: expected no offload and no vnet header with it; leave those out',
      { code: 'ERR_TUN_INVALID_ARGUMENT', subject: 'packetInformation' },
    )
  }
  return {
    packetInformation,
    tso: offloads.includes('tso'),
    uso: offloads.includes('uso'),
    ...(hasHeader ? { vnetHeaderBytes: vnetHeaderBytes ?? 10 } : {}),
  }
}

/** What a descriptor that is taken over has already. */
const OF_DESCRIPTOR = [
  'name',
  'cloneDevice',
  'netns',
  'exclusive',
  'multiQueue',
  'queues',
  'index',
] as const

/** Options that exclude each other, or mean something only together. */
function checkCompanions(options: Checked, isTap: boolean): void {
  const { mac, napi, napiFrags, attach, exclusive, name, fd, multiQueue, queues } = options
  const beside = OF_DESCRIPTOR.find((option) => options[option] !== undefined)
  const problems: [isThere: boolean | undefined, option: string, problem: string][] = [
    [!isTap && mac !== undefined, 'mac', 'a TUN device has no MAC address; use openTap()'],
    [!isTap && napiFrags, 'napiFrags', 'it is for TAP devices; use openTap()'],
    [napiFrags && !napi, 'napiFrags', 'it takes napi: true beside it'],
    [attach && exclusive, 'exclusive', 'an interface cannot both exist and not; leave attach out'],
    [
      multiQueue === false && queues !== undefined && queues > 1,
      'multiQueue',
      'several queues take a device of several; leave it out',
    ],
    [attach && name === undefined && fd === undefined, 'attach', 'it takes a name beside it'],
    [
      fd !== undefined && beside !== undefined,
      String(beside),
      'a descriptor that is taken over has its own; leave it out',
    ],
  ]
  const found = problems.find(([isThere]) => isThere)
  if (!found) return
  const [, subject, problem] = found
  throw new TunError(`Invalid ${subject}: ${problem}`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    subject,
  })
}
