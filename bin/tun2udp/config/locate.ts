import { type Node, findNodeAtLocation } from 'jsonc-parser'
import type { RefusedArgument } from '../../../lib/errors.ts'
import { propertiesOf, valueOf } from './syntax.ts'

const PROPERTY_OF = 'property of '

/** Returns the offset of an argument that was refused; that of the nearest part of the file if it is missing. */
export function offsetOf(root: Node, { what, value, option }: RefusedArgument): number {
  if (what.startsWith(PROPERTY_OF)) {
    const container = what.slice(PROPERTY_OF.length)
    const key = keyIn(nodeAt(root, container), value) ?? keyIn(root, value)
    return (key ?? root).offset
  }
  const node = nodeAt(root, what)
  // Another option can refuse it: `family` refuses a peer.
  const isOfOption = option === undefined || what.startsWith(option)
  if ((node !== root && isOfOption) || option === undefined) return node.offset
  return narrow(nodeAt(root, option), what, value).offset
}

/** Returns the node of a place such as `peers[2].name`, or the last node on the way to it. */
function nodeAt(root: Node, place: string): Node {
  let node = root
  for (const [part] of place.matchAll(/[^.[\]]+/gu)) {
    const isIndex = node.type === 'array' && /^\d+$/u.test(part)
    const next = findNodeAtLocation(node, [isIndex ? Number(part) : part])
    if (!next) break
    node = next
  }
  return node
}

/** Returns the part of an option that an error names: a property, or an element with the value. */
function narrow(node: Node, what: string, value: unknown): Node {
  const inside = nodeAt(node, what)
  if (inside !== node) return inside
  const elements = node.type === 'array' ? (node.children ?? []) : []
  return elements.find((element) => Object.is(valueOf(element), value)) ?? node
}

function keyIn(node: Node, name: unknown): Node | undefined {
  return propertiesOf(node).find((property) => property.name === name)?.key
}
