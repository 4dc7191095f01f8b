// Finds the texts of advice in the Rust sources.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = ['crate/core/src', 'crate/node/src']
/** Arguments of errors that name an object: `the user namespace`. */
const OBJECT = /^the (?:[a-z']+ )*(?:namespace|process)$/u

/** Returns the texts that Rust code passes to `with_advice`, with the first file of each. Tests are left out. */
export function rustAdvice(root: string): Map<string, string> {
  const sources = new Map(FOLDERS.flatMap((folder) => filesOf(root, folder)))
  const all = [...sources.values()].join('\n')
  const texts = new Map<string, string>()
  for (const [file, source] of sources) {
    for (const call of source.matchAll(/\.with_advice\(/gu)) {
      const from = call.index + call[0].length
      const found = textsOf(source.slice(from, closing(source, from)), source, all)
      if (found.length === 0)
        throw new Error(`${file}: with_advice(${source.slice(from, from + 60)}`)
      for (const text of found) if (!texts.has(text)) texts.set(text, file)
    }
  }
  return texts
}

function filesOf(root: string, folder: string): [file: string, source: string][] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => name.endsWith('.rs') && !name.endsWith('tests.rs')).sort()
  return files.map((name) => {
    const source = readFileSync(join(root, folder, name), 'utf8')
    const code = (source.split('#[cfg(test)]')[0] ?? '').replaceAll(/^\s*\/\/.*$/gmu, '')
    return [join(folder, name), code]
  })
}

/** Returns the texts of an expression: its literal, and those of the functions and constants that it uses. */
function textsOf(expression: string, source: string, all: string): string[] {
  const [, literal] = /^\s*(?:format!\(\s*)?("(?:[^"\\]|\\.)*")/su.exec(expression) ?? []
  const used = expression.replaceAll(/"(?:[^"\\]|\\.)*"/gsu, '""')
  const functions = [...used.matchAll(/(?<![.\w!])([a-z_]\w*)\s*\(/gu)].map(([, name]) => name)
  const constants = [...used.matchAll(/\b([A-Z][A-Z_]{3,})\b/gu)].map(([, name]) => name)
  const variable = /^\s*([a-z_]+)\s*$/u.exec(used)?.[1]
  const own = literal === undefined ? [] : [unescape(literal)]
  return [
    ...own,
    ...(variable === undefined ? [] : ofVariable(variable, source, all)),
    ...constants.flatMap(
      (name) => ofConstant(name ?? '', source) ?? ofConstant(name ?? '', all) ?? [],
    ),
    ...functions.flatMap((name) => ofFunction(name ?? '', all)),
  ].filter((text) => text.includes(' ') && !OBJECT.test(text))
}

function ofVariable(name: string, source: string, all: string): string[] {
  const statements = [...source.matchAll(new RegExp(`let ${name} =([^;]*);`, 'gu'))]
  return statements.flatMap(([, value]) => textsOf(value ?? '', source, all))
}

function ofConstant(name: string, source: string): string[] | undefined {
  const [, literal] =
    new RegExp(`const ${name}: &str =\\s*("(?:[^"\\\\]|\\\\.)*")`, 'su').exec(source) ?? []
  return literal === undefined ? undefined : [unescape(literal)]
}

/** Returns all texts in the body of a function, and those of the functions that it calls. */
function ofFunction(name: string, all: string): string[] {
  const start = new RegExp(`\\bfn ${name}\\(`, 'u').exec(all)
  if (start === null) return []
  const open = all.indexOf('{', closing(all, start.index + start[0].length))
  const body = all.slice(open + 1, closing(all, open + 1))
  const literals = [...body.matchAll(/"(?:[^"\\]|\\.)*"/gsu)].map(([literal]) => unescape(literal))
  const calls = [...body.matchAll(/(?<![.\w!])(?:advice|capability)::([a-z_]\w*)\(/gu)]
  return [...literals, ...calls.flatMap(([, called]) => ofFunction(called ?? '', all))]
}

/** Returns the index of the bracket that closes the one before `start`. */
function closing(source: string, start: number): number {
  let depth = 1
  for (let at = start; at < source.length; at++) {
    const char = source[at] ?? ''
    if (char === '"') at = endOfLiteral(source, at)
    else if ('([{'.includes(char)) depth++
    else if (')]}'.includes(char) && --depth === 0) return at
  }
  throw new Error('a bracket is not closed')
}

function endOfLiteral(source: string, start: number): number {
  let at = start + 1
  while (source[at] !== '"') at += source[at] === '\\' ? 2 : 1
  return at
}

/** Returns the text of a literal; a line that ends with a backslash continues without its indentation. */
function unescape(literal: string): string {
  return literal
    .slice(1, -1)
    .replaceAll(/\\\n\s*/gu, '')
    .replaceAll(/\\(["\\])/gu, '$1')
}
