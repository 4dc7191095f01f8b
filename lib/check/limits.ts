/**
 * Limits of the kernel. The core has them too; `__test__/lib/tables.spec.ts` compares them.
 */

/** Queues that a device may have, `MAX_TAP_QUEUES` of drivers/net/tun.c. */
export const QUEUES_MAX = 256

/** The smallest MTU that IPv4 works with (RFC 791) and the kernel takes, in bytes. */
export const MTU_MIN = 68

/** The largest MTU of a TUN device, in bytes. */
export const MTU_MAX = 65_535

/** Bytes of the name of an interface, `IFNAMSIZ - 1` of linux/if.h. */
export const NAME_BYTES_MAX = 15

/** Instructions of a classic BPF program, `BPF_MAXINSNS` of linux/bpf_common.h. */
export const INSTRUCTIONS_MAX = 4096
