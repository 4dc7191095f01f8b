import { release } from 'node:os'
import type { NativeProbed } from '#binding'
import { INSTRUCTIONS_MAX, NAME_BYTES_MAX, QUEUES_MAX } from './check/limits.ts'
import { fromNative } from './errors.ts'
import { loadNative } from './native/native.ts'
import type { FeatureOptions } from './options/declarations.ts'
import { FEATURES } from './persistent/options.ts'

/** The features of this kernel's TUN/TAP driver. */
export interface Features {
  /** The kernel's release, as printed by `uname -r`. */
  readonly kernelRelease: string
  /** Flags accepted at opening (`TUNGETFEATURES`). */
  readonly flags: {
    /** `IFF_MULTI_QUEUE`: several queues. */
    readonly multiQueue: boolean
    /** `IFF_VNET_HDR`, required by all offloads. */
    readonly vnetHeader: boolean
    /** `IFF_NAPI` */
    readonly napi: boolean
    /** `IFF_NAPI_FRAGS` */
    readonly napiFrags: boolean
    /** `IFF_NO_CARRIER` */
    readonly noCarrier: boolean
  }
  /**
   * Super-packets that the driver passes to the reader (`TUNSETOFFLOAD`); absent if this process may not create a
   * device.
   */
  readonly offloads?: {
    /** `TUN_F_CSUM` */
    readonly checksum: boolean
    /** `TUN_F_TSO4` */
    readonly tso4: boolean
    /** `TUN_F_TSO6` */
    readonly tso6: boolean
    /** `TUN_F_TSO_ECN` */
    readonly tsoEcn: boolean
    /** `TUN_F_USO4` and `TUN_F_USO6`, which the driver only accepts together */
    readonly uso: boolean
    /** `TUN_F_UDP_TUNNEL_GSO` */
    readonly udpTunnel: boolean
    /** `TUN_F_UDP_TUNNEL_GSO_CSUM` */
    readonly udpTunnelChecksum: boolean
  }
  /** Operations on an open device; absent if this process may not create one. */
  readonly controls?: {
    /** `setCarrier()` */
    readonly carrier: boolean
    /** `setEbpfSteering()` */
    readonly ebpfSteering: boolean
    /** `setEbpfFilter()` */
    readonly ebpfFilter: boolean
    /** `namespace()` */
    readonly namespace: boolean
    /** Whether several packets are read at a time with io_uring(7); `false` if this process may not use it. */
    readonly ioUring: boolean
  }
  readonly limits: {
    /** The maximum number of queues of a device (`MAX_TAP_QUEUES`). */
    readonly queues: number
    /** The maximum length of a name in bytes (`IFNAMSIZ` less one). */
    readonly nameBytes: number
    /** The maximum number of instructions of a classic BPF program (`BPF_MAXINSNS`). */
    readonly filterInstructions: number
    /** Smallest and largest MTU of a TUN device in bytes; absent if this process may not create one. */
    readonly mtu?: { readonly min: number; readonly max: number }
    /** Supported lengths of the vnet header in bytes; absent if this process may not create a device. */
    readonly vnetHeaderBytes?: readonly number[]
  }
}

/** `linux/if_tun.h` */
const IFF_NAPI = 0x10
const IFF_NAPI_FRAGS = 0x20
const IFF_NO_CARRIER = 0x40
const IFF_MULTI_QUEUE = 0x100
const IFF_VNET_HDR = 0x4000
const TUN_F_CSUM = 0x01
const TUN_F_TSO4 = 0x02
const TUN_F_TSO6 = 0x04
const TUN_F_TSO_ECN = 0x08
const TUN_F_USO = 0x60
const TUN_F_UDP_TUNNEL_GSO = 0x80
const TUN_F_UDP_TUNNEL_GSO_CSUM = 0x100

/**
 * Returns the features of this kernel's TUN/TAP driver. Tests them on a temporary device in a temporary network
 * namespace, and removes both. Without `CAP_SYS_ADMIN`, the device is created in the namespace of this process.
 *
 * @throws {TunError} the clone device cannot be opened: `ERR_TUN_NO_DEVICE_NODE`, `ERR_TUN_NO_DRIVER`,
 *   `ERR_TUN_PERMISSION`.
 */
export async function features(options: FeatureOptions = {}): Promise<Features> {
  const { cloneDevice } = FEATURES.check(options)
  const { deviceFeatures } = await loadNative()
  let native
  try {
    native = await deviceFeatures(cloneDevice)
  } catch (error) {
    throw fromNative(error)
  }
  const { flags, probed } = native
  const has = (flag: number) => (flags & flag) !== 0
  return {
    kernelRelease: release(),
    flags: {
      multiQueue: has(IFF_MULTI_QUEUE),
      vnetHeader: has(IFF_VNET_HDR),
      napi: has(IFF_NAPI),
      napiFrags: has(IFF_NAPI_FRAGS),
      noCarrier: has(IFF_NO_CARRIER),
    },
    ...(probed ? { offloads: toOffloads(probed.offloads), controls: toControls(probed) } : {}),
    limits: {
      queues: QUEUES_MAX,
      nameBytes: NAME_BYTES_MAX,
      filterInstructions: INSTRUCTIONS_MAX,
      ...(probed ? { vnetHeaderBytes: probed.vnetHeaderSizes } : {}),
      ...(probed?.minMtu === undefined || probed.maxMtu === undefined
        ? {}
        : { mtu: { min: probed.minMtu, max: probed.maxMtu } }),
    },
  }
}

function toOffloads(mask: number): NonNullable<Features['offloads']> {
  const has = (flags: number) => (mask & flags) === flags
  return {
    checksum: has(TUN_F_CSUM),
    tso4: has(TUN_F_TSO4),
    tso6: has(TUN_F_TSO6),
    tsoEcn: has(TUN_F_TSO_ECN),
    uso: has(TUN_F_USO),
    udpTunnel: has(TUN_F_UDP_TUNNEL_GSO),
    udpTunnelChecksum: has(TUN_F_UDP_TUNNEL_GSO_CSUM),
  }
}

function toControls(probed: NativeProbed): NonNullable<Features['controls']> {
  return {
    carrier: probed.hasCarrier,
    ebpfSteering: probed.hasEbpfSteering,
    ebpfFilter: probed.hasEbpfFilter,
    namespace: probed.hasNamespace,
    ioUring: probed.hasIoUring,
  }
}
