/** Limits of the kernel and of the core. The core has the same; `__test__/lib/tables.spec.ts` compares them. */

/** The maximum number of queues of a device, `MAX_TAP_QUEUES` of drivers/net/tun.c. */
export const QUEUES_MAX = 256

/** The maximum number of source ports of a relay. */
export const SOURCE_PORTS_MAX = 64

/** The smallest MTU for IPv4 (RFC 791) that the kernel accepts, bytes. */
export const MTU_MIN = 68

/** The largest MTU of a TUN device, bytes. */
export const MTU_MAX = 65_535

/** The maximum length of an interface name, `IFNAMSIZ - 1` of linux/if.h, bytes. */
export const NAME_BYTES_MAX = 15

/** The maximum number of instructions of a classic BPF program, `BPF_MAXINSNS` of linux/bpf_common.h. */
export const INSTRUCTIONS_MAX = 4096

/** The most bytes of a packet that a capture keeps: the longest packet. */
export const SNAP_LENGTH_MAX = 262_144

/** The smallest file of a ring of captures, and the smallest buffer of a capture, bytes: the longest packet fits. */
export const CAPTURE_BYTES_MIN = 131_072

/** The longest interval of keepalives, seconds. */
export const KEEPALIVE_MAX = 65_535
