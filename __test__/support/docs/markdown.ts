import { readFileSync } from 'node:fs'
import { ROOT } from './root.ts'

/** A fenced block of a page. */
export interface Block {
  /** The page, relative to the root of the tree. */
  readonly page: string
  /** The line of its fence, from 1. */
  readonly line: number
  /** The word after the fence, or an empty string. */
  readonly language: string
  readonly text: string
}

/** Returns all fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  return parseBlocks(page, readFileSync(`${ROOT}${page}`, 'utf8'))
}

/** A fence is three backticks or more, and ends with as many alone on their line (CommonMark 4.5). */
export function parseBlocks(page: string, markdown: string): Block[] {
  const blocks: Block[] = []
  let open: { fence: string; line: number; language: string; indent: string } | undefined
  let lines: string[] = []
  markdown.split('\n').forEach((text, index) => {
    const [, indent = '', fence, info = ''] = /^( *)(`{3,}|~{3,})(.*)$/u.exec(text) ?? []
    if (!open && fence !== undefined) {
      open = { fence, line: index + 1, language: info.trim().split(/[\s{]/u)[0] ?? '', indent }
      lines = []
    } else if (open && fence === open.fence && info.trim() === '') {
      const { line, language } = open
      blocks.push({ page, line, language, text: `${lines.join('\n')}\n` })
      open = undefined
    } else if (open) {
      lines.push(text.startsWith(open.indent) ? text.slice(open.indent.length) : text)
    }
  })
  if (open) throw new Error(`${page}:${open.line}: a fence that does not end`)
  return blocks
}
