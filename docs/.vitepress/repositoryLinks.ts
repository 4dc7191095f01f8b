import { existsSync, statSync } from 'node:fs'
import { posix } from 'node:path'
import type { MarkdownEnv, MarkdownRenderer } from 'vitepress'

/** Where links to files lead. */
interface Settings {
  /** The clone's directory, with `/` at its end. */
  readonly root: string
  /** Where its files are read on the web, with `/` at its end. */
  readonly repository: string
}

/**
 * Has links to files that are no page of the site (sources, examples, directories) lead to the
 * repository on the web. VitePress itself looks after links to pages.
 *
 * @throws a link leads to a file that is not there.
 */
export function linkRepository(markdown: MarkdownRenderer, settings: Settings): void {
  markdown.core.ruler.push('repository-links', ({ tokens, env }) => {
    const { relativePath } = env as MarkdownEnv & { relativePath: string }
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open') continue
      const link = token.attrGet('href') ?? ''
      token.attrSet('href', target(link, relativePath, settings))
    }
  })
}

function target(link: string, page: string, { root, repository }: Settings): string {
  const [path = '', fragment] = link.split('#')
  if (path === '' || /^[a-z]+:/u.test(path) || path.endsWith('.md')) return link
  const file = path.startsWith('/')
    ? path.slice(1)
    : posix.join(posix.dirname(page), decodeURI(path))
  // Pages that were written for the site alone leave the extension out.
  if (existsSync(`${root}${file}.md`) || existsSync(`${root}${file}/index.md`)) return link
  if (!existsSync(root + file)) throw new Error(`${page}: a link to ${link}, which is not there`)
  const kind = statSync(root + file).isDirectory() ? 'tree/main/' : 'blob/main/'
  return repository + kind + file + (fragment === undefined ? '' : `#${fragment}`)
}
