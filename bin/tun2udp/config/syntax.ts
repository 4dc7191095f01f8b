import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'

/** A fault in the text. */
export interface Fault {
  readonly offset: number
  readonly reason: string
}

/** The deepest nesting of values. The options of a relay need 4. */
const DEPTH_MAX = 32

/** The reasons by the names of the parser's errors. */
const REASONS: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is not a value of JSON',
  InvalidNumberFormat: 'this is not a number of JSON',
  PropertyNameExpected: 'expected the name of an option in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected a colon behind the name',
  CommaExpected: 'expected a comma',
  CloseBraceExpected: 'expected "}", or a comma and another option',
  CloseBracketExpected: 'expected "]", or a comma and another value',
  EndOfFileExpected: 'expected the end of the file behind the last "}"',
  UnexpectedEndOfComment: 'expected the end of the comment, "*/"',
  UnexpectedEndOfString: 'expected the end of the text, a double quote',
  UnexpectedEndOfNumber: 'expected the rest of the number',
  InvalidUnicode: 'expected four hexadecimal digits behind "\\u"',
  InvalidEscapeCharacter: 'expected an escape sequence of JSON behind the backslash',
  InvalidCharacter: 'control characters in a text must be escaped, such as "\\n"',
}

/** Parses JSON with comments and trailing commas. */
export function parseSyntax(text: string): Node | Fault {
  const deep = tooDeep(text)
  if (deep) return deep
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true })
  const [first] = errors
  if (first)
    return {
      offset: first.offset,
      reason: REASONS[printParseErrorCode(first.error)] ?? 'not valid JSON',
    }
  if (root?.type !== 'object') {
    return { offset: root?.offset ?? 0, reason: 'expected an object of options, { … }' }
  }
  return repeated(root) ?? root
}

/** Returns the value of a node. Its objects have no properties but those of the file. */
export function valueOf(node: Node): unknown {
  switch (node.type) {
    case 'object':
      return Object.fromEntries(propertiesOf(node).map(({ name, value }) => [name, valueOf(value)]))
    case 'array':
      return (node.children ?? []).map(valueOf)
    default:
      return node.value
  }
}

/** A property of an object. */
export interface Property {
  readonly name: string
  readonly key: Node
  readonly value: Node
}

/** Returns the properties of an object, and nothing for other nodes. */
export function propertiesOf(node: Node): Property[] {
  const pairs = node.type === 'object' ? (node.children ?? []) : []
  return pairs.flatMap(({ children: [key, value] = [] }) =>
    key && value ? [{ name: String(key.value), key, value }] : [],
  )
}

/** JSON takes the last of equal names. A file with two of them is a mistake. */
function repeated(node: Node): Fault | undefined {
  const seen = new Set<string>()
  for (const { name, key, value } of propertiesOf(node)) {
    if (seen.has(name))
      return { offset: key.offset, reason: `${JSON.stringify(name)} is here twice` }
    seen.add(name)
    const fault = repeated(value)
    if (fault) return fault
  }
  const elements = node.type === 'array' ? (node.children ?? []) : []
  for (const element of elements) {
    const fault = repeated(element)
    if (fault) return fault
  }
  return undefined
}

/** The parser calls itself for each level. */
function tooDeep(text: string): Fault | undefined {
  // Texts and comments, which may contain brackets, are skipped.
  const tokens = /"(?:[^"\\\n\r]|\\.)*"?|\/\/.*|\/\*[^]*?(?:\*\/|$)|[[{]|[\]}]/gu
  let depth = 0
  for (const { 0: token, index } of text.matchAll(tokens)) {
    if (token === '[' || token === '{') depth++
    else if (token === ']' || token === '}') depth--
    if (depth > DEPTH_MAX) {
      return { offset: index, reason: `values are nested deeper than ${DEPTH_MAX} levels` }
    }
  }
  return undefined
}
