import { checkFields, u16, u8 } from '../../check/fields.ts'

/**
 * The kernel's description of a packet, in a header in front of it: `struct virtio_net_hdr` of linux/virtio_net.h.
 * All zeroes describe an ordinary packet with a correct checksum.
 */
export interface VnetHeader {
  /**
   * `VIRTIO_NET_HDR_F_NEEDS_CSUM` (1): the checksum must still be filled in; the field contains the pseudo-header's
   * sum.
   */
  readonly flags: number
  /**
   * Type of super-packet: none (0), TCP over IPv4 (1), TCP over IPv6 (4), UDP (5). The additional bit 0x80 means
   * TCP with ECN, where only the first packet carries CWR.
   */
  readonly gsoType: number
  /** Length of all headers in bytes. For a super-packet that is read, the library computes it from the packet. */
  readonly hdrLen: number
  /** Payload in bytes of each packet in the super-packet, except the last, which may be shorter. */
  readonly gsoSize: number
  /** Offset of the start of the checksummed part of the packet, bytes. */
  readonly csumStart: number
  /** Offset of the checksum after `csumStart`, bytes. */
  readonly csumOffset: number
}

/** A packet as the kernel passes it. It may be a super-packet of up to 64 KiB, and its checksum may be missing. */
export interface SuperPacket {
  /** The packet, without the header. */
  readonly data: Buffer
  /** The kernel's description of the packet. */
  readonly header: VnetHeader
}

/** `VIRTIO_NET_HDR_GSO_ECN`, a bit that is combined with the type. */
const GSO_ECN = 0x80
const GSO_UDP_L4 = 5
const UDP_HEADER_BYTES = 8
/** Offset of the byte in a TCP header whose upper four bits are the header's length, in words of four bytes. */
const TCP_DATA_OFFSET = 12

/** The header of a single ordinary packet. */
export const ORDINARY: VnetHeader = Object.freeze({
  flags: 0,
  gsoType: 0,
  hdrLen: 0,
  gsoSize: 0,
  csumStart: 0,
  csumOffset: 0,
})

/** Splits off the header of `headerBytes` bytes. */
export function toSuperPacket(whole: Buffer, headerBytes: number): SuperPacket {
  const data = whole.subarray(headerBytes)
  if (headerBytes === 0 || whole.length < headerBytes) return { data, header: ORDINARY }
  // In the machine's byte order; every platform of this package is little-endian.
  const header = {
    flags: whole.readUInt8(0),
    gsoType: whole.readUInt8(1),
    hdrLen: whole.readUInt16LE(2),
    gsoSize: whole.readUInt16LE(4),
    csumStart: whole.readUInt16LE(6),
    csumOffset: whole.readUInt16LE(8),
  }
  // The kernel's own value is a hint, and is wrong if headers were added in front of the packet.
  if ((header.gsoType & ~GSO_ECN) !== 0) header.hdrLen = headersOf(data, header)
  return { data, header }
}

/** Returns the bytes up to the end of the transport header, which starts at `csumStart`. */
function headersOf(data: Buffer, { gsoType, csumStart, hdrLen }: VnetHeader): number {
  if (gsoType === GSO_UDP_L4) return csumStart + UDP_HEADER_BYTES
  const offset = data[csumStart + TCP_DATA_OFFSET]
  return offset === undefined ? hdrLen : csumStart + (offset >> 4) * 4
}

const HEADER = {
  flags: u8,
  gsoType: u8,
  hdrLen: u16,
  gsoSize: u16,
  csumStart: u16,
  csumOffset: u16,
}

/** Checks the header of a packet to write; omitted fields are 0. */
export function checkVnetHeader(header: unknown): VnetHeader {
  return { ...ORDINARY, ...checkFields('header', header, HEADER) }
}
