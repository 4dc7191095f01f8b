/** A path of a Rust source: its segments, from `crate`, or from a crate's name, onwards. */
export type RustPath = readonly string[]

/** Returns a Rust source without its comments and literals. */
export function codeOf(source: string): string {
  const comment = String.raw`\/\/[^\n]*|\/\*[\s\S]*?\*\/`
  const raw = String.raw`\bb?r(?<hashes>#*)"[\s\S]*?"\k<hashes>`
  const text = String.raw`\b[bc]?"(?:\\[\s\S]|[^"\\])*"|"(?:\\[\s\S]|[^"\\])*"`
  // A lifetime has no quote at its end.
  const character = String.raw`'(?:\\[^\n]+?|[^\\'\n])'`
  return source.replaceAll(new RegExp([comment, raw, text, character].join('|'), 'gu'), ' ')
}

/**
 * Returns all paths in `code` that begin with `crate` or leave their module with `super`; the latter are
 * resolved.
 *
 * @param module the module of the file: `['relay', 'setup']` for `relay/setup.rs`.
 */
export function internalPaths(code: string, module: RustPath): RustPath[] {
  const blocks = inlineModules(code)
  const starts = [...code.matchAll(/(?<![\w:])(?<start>crate|super)\s*::/gu)]
  return starts.flatMap(({ index }) => {
    const inner = blocks.filter(({ from, to }) => from < index && index < to)
    const here = [...module, ...inner.map(({ name }) => name)]
    return expand(code.slice(index)).map((path) => resolve(path, here))
  })
}

/** Returns the positions of `mod name { … }` in the code. */
function inlineModules(code: string): { name: string; from: number; to: number }[] {
  return [...code.matchAll(/\bmod\s+(?<name>\w+)\s*\{/gu)].map((match) => {
    const from = match.index + match[0].length
    return { name: match.groups?.['name'] ?? '', from, to: closing(code, from) }
  })
}

/** Returns the position of the brace that closes the one opened before `from`. */
function closing(code: string, from: number): number {
  let depth = 1
  for (let index = from; index < code.length; index++) {
    if (code[index] === '{') depth += 1
    if (code[index] === '}') depth -= 1
    if (depth === 0) return index
  }
  return code.length
}

/**
 * Returns the paths of the use tree, or the single path, at the start of `code`: `a::{b, c::d}` is `a::b`,
 * `a::c::d`.
 */
export function expand(code: string): RustPath[] {
  const [head, name] = /^\s*(?:r#)?(\w+|\*)\s*/u.exec(code) ?? []
  if (head === undefined || name === undefined) return [[]]
  const rest = code.slice(head.length)
  if (!rest.startsWith('::')) return [[name]]
  const group = /^::\s*\{/u.exec(rest)?.[0]
  const tails =
    group === undefined
      ? expand(rest.slice('::'.length))
      : members(rest.slice(group.length, closing(rest, group.length))).flatMap(expand)
  return tails.map((tail) => [name, ...tail])
}

/** Returns the parts between the commas of a group, without splitting inner groups. */
function members(group: string): string[] {
  const parts: string[] = []
  let part = ''
  let depth = 0
  for (const character of `${group},`) {
    if (character === '{') depth += 1
    if (character === '}') depth -= 1
    if (character === ',' && depth === 0) {
      parts.push(part)
      part = ''
    } else part += character
  }
  return parts.filter((text) => text.trim() !== '')
}

function resolve(path: RustPath, here: RustPath): RustPath {
  if (path[0] === 'crate') return path
  const first = path.findIndex((segment) => segment !== 'super')
  const climbed = first === -1 ? path.length : first
  return ['crate', ...here.slice(0, Math.max(0, here.length - climbed)), ...path.slice(climbed)]
}
