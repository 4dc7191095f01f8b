import { readdirSync } from 'node:fs'
import { ROOT } from './root.ts'

/** Directories whose pages are read by users and developers. */
const DIRECTORIES = ['', 'docs', 'docs/guides', 'bench']

/** Generated from texts of other projects by scripts/third-party.js. */
const LICENSES = 'THIRD-PARTY.md'

/** Returns all pages, relative to the root of the tree, without those that typedoc generates. */
export function pages(): string[] {
  return DIRECTORIES.flatMap((directory) =>
    readdirSync(ROOT + directory)
      .filter((name) => name.endsWith('.md') && name !== LICENSES)
      .map((name) => (directory === '' ? name : `${directory}/${name}`)),
  )
}
