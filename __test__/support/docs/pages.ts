import { readdirSync } from 'node:fs'
import { ROOT } from './root.ts'

/** Directories whose pages are read by users and developers. */
const DIRECTORIES = ['', 'docs', 'docs/guides', 'bench']

/** Made of what others wrote, by scripts/third-party.js. */
const LICENSES = 'THIRD-PARTY.md'

/** All pages, from the root of the tree; those that typedoc makes are its own. */
export function pages(): string[] {
  return DIRECTORIES.flatMap((directory) =>
    readdirSync(ROOT + directory)
      .filter((name) => name.endsWith('.md') && name !== LICENSES)
      .map((name) => (directory === '' ? name : `${directory}/${name}`)),
  )
}
