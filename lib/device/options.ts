import type { NativeDeviceOptions } from '#binding'
import { TunError } from '../errors.ts'
import { expandDefault } from '../options/addressForms.ts'
import { DEVICE_OFFLOADS, DEVICE_OPTIONS } from './optionTable.ts'

/** The checked options. */
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
  const { highWaterMark = HIGH_WATER_MARK_DEFAULT, signal, create, ifIndex, ...rest } = checked
  const { offload, ...same } = rest
  const native = {
    isTap,
    mustExist: create === 'never',
    exclusive: create === 'always',
    noCarrier: false,
    napi: false,
    napiFrags: false,
    queues: 1,
    multiQueue: (same.queues ?? 1) > 1,
    ioUring: true,
    addresses: [],
    up: true,
    linkLocal: false,
    ...same,
    routes: expandDefault(same.routes ?? [], same.addresses),
    ...(ifIndex === undefined ? {} : { index: ifIndex }),
    ...headersOf(same, offload),
  }
  return { native: exactly(native), highWaterMark, signal }
}

/** Returns the options. A property unknown to the native layer is a compiler error. */
function exactly<T extends NativeDeviceOptions>(
  options: T & Record<Exclude<keyof T, keyof NativeDeviceOptions>, never>,
): NativeDeviceOptions {
  return options
}

/** Returns the headers in front of each packet, and the super-packets to exchange. */
function headersOf(
  { packetInformation = false, vnetHeaderBytes }: Checked,
  offload: readonly string[] | undefined,
) {
  const offloads = offload ?? (packetInformation ? [] : DEVICE_OFFLOADS)
  const hasSuperPackets = offloads.includes('tso') || offloads.includes('uso')
  const hasHeader = hasSuperPackets || vnetHeaderBytes !== undefined
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
    coalesce: offloads.includes('coalesce'),
    ...(hasHeader ? { vnetHeaderBytes: vnetHeaderBytes ?? 10 } : {}),
  }
}

/** The options that do not apply to an existing descriptor, because it already has these properties. */
const OF_DESCRIPTOR = ['name', 'cloneDevice', 'netns', 'multiQueue', 'queues', 'ifIndex'] as const

/** Checks options that exclude each other or depend on each other. */
function checkCompanions(options: Checked, isTap: boolean): void {
  const { macAddress, napi, napiFrags, create, name, fd, multiQueue, queues } = options
  const beside = OF_DESCRIPTOR.find((option) => options[option] !== undefined)
  const problems: [isThere: boolean | undefined, option: string, problem: string][] = [
    [
      !isTap && macAddress !== undefined,
      'macAddress',
      'a TUN device has no MAC address; use openTap()',
    ],
    [!isTap && napiFrags, 'napiFrags', 'it is for TAP devices; use openTap()'],
    [napiFrags && !napi, 'napiFrags', 'it takes napi: true beside it'],
    [
      multiQueue === false && queues !== undefined && queues > 1,
      'multiQueue',
      'several queues take a device of several; leave it out',
    ],
    [
      create === 'never' && name === undefined && fd === undefined,
      'create',
      '"never" needs the name of an interface',
    ],
    [
      create === 'always' && fd !== undefined,
      'create',
      'a descriptor that is taken over has its interface; leave it out',
    ],
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
