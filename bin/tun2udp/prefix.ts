import { type RelayOptions, parseAddress } from '../../index.ts'
import type { Notice } from './output.ts'

/** Prefixes of examples, by family. */
const EXAMPLES = { 4: 24, 6: 64 } as const

/**
 * Returns notices about addresses without a prefix: the interface then has no route to any other host. There is one per
 * family (IPv4, IPv6), and none if another address or a route of the family leads into the interface.
 */
export function prefixNotices({ addresses, routes = [] }: RelayOptions): Notice[] {
  return ([4, 6] as const).flatMap((family) => {
    const ofFamily = addresses.filter((address) => parseAddress(address).family === family)
    const [first] = ofFamily
    const leadsOut =
      ofFamily.some((address) => address.includes('/')) ||
      routes.some((route) => route === 'default' || route.includes(':') === (family === 6))
    if (first === undefined || leadsOut) return []
    const bits = family === 4 ? 32 : 128
    const message = `no prefix given: the interface has ${first}/${bits} and no route to the other end; write ${first}/${EXAMPLES[family]}, or add --route`
    return [{ kind: 'no-prefix', message }]
  })
}
