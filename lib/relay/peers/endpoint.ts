import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { checkFields, integer } from '../../check/fields.ts'
import { checkList } from '../../check/list.ts'
import { invalidArgument } from '../../errors.ts'
import type { UdpEndpoint } from '../info.ts'
import { checkPeer, familyOfPeer } from '../peer.ts'

/** Where datagrams to a peer go: `HOST:PORT`, with an IPv6 address in brackets, or both parts. */
export type PeerEndpoint = string | UdpEndpoint

/** The maximum number of endpoints of a peer; crate/node/src/peers.rs has the same limit for all but the first. */
const ENDPOINTS_MAX = 16

/** The longest text that can be an endpoint: a host name, two brackets, a zone and a port, characters. */
const TEXT_MAX = 300

const FORM = 'HOST:PORT, such as "b.example:5001", "192.0.2.7:5001" or "[2001:db8::1]:5001"'
const port = integer(1, 65_535)

/**
 * Checks the endpoint of a peer, or several in an array.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT`
 */
export function checkEndpoints(what: string, value: unknown): UdpEndpoint[] {
  if (!Array.isArray(value)) return [checkEndpoint(what, value)]
  const list = checkList(what, value, `an array of ${FORM}`, ENDPOINTS_MAX)
  if (list.length === 0) throw invalidArgument(what, value, `at least one ${FORM}`)
  return list.map((one, index) => checkEndpoint(`${what}[${index}]`, one))
}

function checkEndpoint(what: string, value: unknown): UdpEndpoint {
  if (typeof value === 'object' && value !== null) {
    const parts = checkFields(what, value, {
      address: (_: string, address: unknown) => checkPeer(address, `${what}.address`),
      port: (_: string, number: unknown) => port(`${what}.port`, number),
    })
    // Both are required; the check of each refuses `undefined`.
    const address = checkPeer(parts.address, `${what}.address`)
    return { address, port: port(`${what}.port`, parts.port) }
  }
  if (typeof value !== 'string' || value.length > TEXT_MAX) throw invalidArgument(what, value, FORM)
  return parse(what, value)
}

function parse(what: string, text: string): UdpEndpoint {
  const { six, host, number } =
    /^(?:\[(?<six>.*)\]|(?<host>[^:]*)):(?<number>\d+)$/su.exec(text)?.groups ?? {}
  if (six !== undefined ? familyOfPeer(six) !== 6 : host === undefined || host === '') {
    const isBare = isIPv6(text.replace(/(?:%.*)?$/su, ''))
    const advice = isBare ? 'put an IPv6 address in brackets' : undefined
    throw invalidArgument(what, text, FORM, { advice })
  }
  const value = Number(number)
  if (value < 1 || value > 65_535) throw invalidArgument(what, text, 'a port from 1 to 65535')
  return { address: checkPeer(six ?? host, what), port: value }
}

/** Returns a text that is equal for equal endpoints, however they are written. */
export function endpointKey({ address, port: number }: UdpEndpoint): string {
  const family = familyOfPeer(address)
  if (family === 0) return `${address.toLowerCase().replace(/\.$/u, '')} ${number}`
  const [literal = '', ...zone] = address.split('%')
  return `${[ipaddr.parse(literal).toString(), ...zone].join('%')} ${number}`
}
