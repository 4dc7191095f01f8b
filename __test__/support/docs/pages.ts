import { readdirSync } from 'node:fs'
import { ROOT } from './root.ts'

/** Directories whose pages are read by users and developers. */
const DIRECTORIES = ['', 'docs', 'docs/guides', 'bench']

/** All pages, from the root of the tree; those that typedoc makes are its own. */
export function pages(): string[] {
  return DIRECTORIES.flatMap((directory) =>
    readdirSync(ROOT + directory)
      .filter((name) => name.endsWith('.md'))
      .map((name) => (directory === '' ? name : `${directory}/${name}`)),
  )
}
