import { checkFields, u16, u8 } from '../../check/fields.ts'

/**
 * What the kernel says of a packet in the header before it: `struct virtio_net_hdr` of linux/virtio_net.h. All
 * zeroes are an ordinary packet whose checksum is right.
 */
export interface VnetHeader {
  /** `VIRTIO_NET_HDR_F_NEEDS_CSUM` (1): the checksum is still to be put in; the field has the pseudo-header's sum. */
  readonly flags: number
  /**
   * What kind of super-packet: none (0), TCP over IPv4 (1), TCP over IPv6 (4), UDP (5); 0x80 beside it: TCP with
   * ECN, of which the first packet carries CWR.
   */
  readonly gsoType: number
  /** Length of all headers in bytes; of a super-packet that is read, reckoned from the packet. */
  readonly hdrLen: number
  /** Payload in bytes of each packet that it stands for, but the last, which may be shorter. */
  readonly gsoSize: number
  /** Where the summed part of the packet begins, in bytes. */
  readonly csumStart: number
  /** Where the checksum stands, in bytes after `csumStart`. */
  readonly csumOffset: number
}

/** A packet as the kernel hands it over: maybe a super-packet of up to 64 KiB, maybe without its checksum. */
export interface SuperPacket {
  /** The packet, without the header. */
  readonly data: Buffer
  /** What the kernel says of it. */
  readonly header: VnetHeader
}

/** `VIRTIO_NET_HDR_GSO_ECN`, a bit beside the type. */
const GSO_ECN = 0x80
const GSO_UDP_L4 = 5
const UDP_HEADER_BYTES = 8
/** Where a TCP header has its own length, in its upper four bits, in words of four bytes. */
const TCP_DATA_OFFSET = 12

/** The header of a packet that stands for itself alone. */
export const ORDINARY: VnetHeader = Object.freeze({
  flags: 0,
  gsoType: 0,
  hdrLen: 0,
  gsoSize: 0,
  csumStart: 0,
  csumOffset: 0,
})

/** Takes off the header of so many bytes. */
export function toSuperPacket(whole: Buffer, headerBytes: number): SuperPacket {
  const data = whole.subarray(headerBytes)
  if (headerBytes === 0 || whole.length < headerBytes) return { data, header: ORDINARY }
  // The machine's byte order, and every platform of this package is little-endian.
  const header = {
    flags: whole.readUInt8(0),
    gsoType: whole.readUInt8(1),
    hdrLen: whole.readUInt16LE(2),
    gsoSize: whole.readUInt16LE(4),
    csumStart: whole.readUInt16LE(6),
    csumOffset: whole.readUInt16LE(8),
  }
  // The kernel calls its own a hint, and it is wrong where headers were put before the packet.
  if ((header.gsoType & ~GSO_ECN) !== 0) header.hdrLen = headersOf(data, header)
  return { data, header }
}

/** Bytes up to the end of the transport header, which the checksum begins with. */
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

/** Checks the header of a packet that is to be written; fields that are absent are 0. */
export function checkVnetHeader(header: unknown): VnetHeader {
  return { ...ORDINARY, ...checkFields('header', header, HEADER) }
}
