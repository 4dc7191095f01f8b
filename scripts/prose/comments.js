/**
 * A textlint plugin that reads the comments of source files as prose. Offsets and lines stay those of the file:
 * code, comment markers and inline code are replaced by characters that no rule matches.
 */

const SLASHES = ['.ts', '.mts', '.js', '.mjs', '.cjs', '.rs', '.c', '.h', '.go']
const HASHES = ['.sh', '.bash', '.py', '.toml', '.yml', '.yaml', '.service']
/** Stands for what is not prose within a sentence. It is not a letter, a space or a full stop. */
const MASK = '\u00b7'

/** Returns the first line comment of a line that is not inside a string, as its offset and its marker's length. */
function lineComment(line, marker, quotes) {
  for (const match of line.matchAll(marker)) {
    const before = line.slice(0, match.index)
    const isQuoted = quotes.some((quote) => (before.split(quote).length - 1) % 2 === 1)
    if (before.trim() === '' || (/\s$/u.test(before) && !isQuoted)) {
      return { start: match.index, length: match[0].length }
    }
  }
  return undefined
}

/** Returns for each line the offset at which its prose begins; the line's length where it has none. */
function proseStarts(lines, extension) {
  const marker = HASHES.includes(extension) ? /#+/gu : /\/\/[/!]?/gu
  // In Rust, an apostrophe begins the name of a lifetime.
  const quotes = extension === '.rs' ? ['"'] : ['"', "'", '`']
  let isInBlock = false
  return lines.map((line) => {
    const [opening] = /^\s*\/\*+!?/u.exec(line) ?? []
    if (!HASHES.includes(extension) && (isInBlock || opening !== undefined)) {
      isInBlock = !line.includes('*/')
      return opening?.length ?? /^\s*\*?(?!\/)/u.exec(line)?.[0].length ?? line.length
    }
    const comment = lineComment(line, marker, quotes)
    return comment === undefined ? line.length : comment.start + comment.length
  })
}

/** Masks what is not prose in a comment's line: code, links, tags of docstrings, directives of tools. */
function maskLine(line, start) {
  const masked = line
    .slice(start)
    .replace(/\*\/.*$/u, (end) => ' '.repeat(end.length))
    .replace(/`[^`]*`|https?:\S+|\{@\w+[^}]*\}|@(?:param \w+|\w+)/gu, (code) =>
      MASK.repeat(code.length),
    )
  const isDirective = /^!|^\s*(?:shellcheck |eslint-|@ts-|SPDX-)/u.test(line.slice(start))
  return ' '.repeat(start) + (isDirective ? ' '.repeat(masked.length) : masked)
}

/** Masks fenced code blocks, which docstrings of Rust and TypeScript have. */
function maskFences(lines) {
  let isFenced = false
  return lines.map((line) => {
    const isFence = /^\s*\*?\s*(?:```|~~~)/u.test(line)
    if (isFence) isFenced = !isFenced
    return isFence || isFenced ? ' '.repeat(line.length) : line
  })
}

/** Groups lines into paragraphs: consecutive lines of prose. */
function paragraphsOf(lines) {
  const paragraphs = []
  let offset = 0
  let open
  lines.forEach((line, index) => {
    if (
      line.trim() === '' ||
      /^\s*[-*] /u.test(line) ||
      new RegExp(`^\\s*${MASK}{2,}\\s`, 'u').test(line)
    ) {
      open = undefined
    }
    if (line.trim() !== '') {
      if (open === undefined)
        paragraphs.push((open = { range: [offset, 0], first: index, last: index, end: 0 }))
      open.last = index
      open.range[1] = offset + line.length
      open.end = line.length
    }
    offset += line.length + 1
  })
  return paragraphs
}

function node(type, { range, first, last, end }, text, rest) {
  const loc = { start: { line: first + 1, column: 0 }, end: { line: last + 1, column: end } }
  return { type, raw: text.slice(...range), range, loc, ...rest }
}

/** Returns the tree of a file's comments, with the masked text that its offsets refer to. */
export function parseComments(text, extension) {
  const lines = text.split('\n')
  const starts = proseStarts(lines, extension)
  // A fence would look like inline code: fences are masked before it.
  const raw = lines.map((line, index) => ' '.repeat(starts[index]) + line.slice(starts[index]))
  const unfenced = maskFences(raw)
  const masked = unfenced.map((line, index) => maskLine(line, Math.min(starts[index], line.length)))
  const prose = masked.join('\n')
  const children = paragraphsOf(masked).map((paragraph) => {
    const string = node('Str', paragraph, prose, { value: prose.slice(...paragraph.range) })
    return node('Paragraph', paragraph, prose, { children: [string] })
  })
  const whole = {
    range: [0, prose.length],
    first: 0,
    last: lines.length - 1,
    end: lines.at(-1).length,
  }
  return { text: prose, ast: node('Document', whole, prose, { children }) }
}

class CommentsProcessor {
  availableExtensions() {
    return [...SLASHES, ...HASHES]
  }

  processor(extension) {
    return {
      preProcess: (text) => parseComments(text, extension),
      postProcess: (messages, filePath) => ({ messages, filePath: filePath ?? '<text>' }),
    }
  }
}

export default { Processor: CommentsProcessor }
