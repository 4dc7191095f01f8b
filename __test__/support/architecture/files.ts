import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Returns the files in `folder`, at any depth, whose names have this ending. They are sorted and relative to
 * `root`. The list is empty if the folder does not exist.
 */
export function filesIn(root: string, folder: string, ending: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(folder, file))
    .sort()
}
