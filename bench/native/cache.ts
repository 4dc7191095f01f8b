import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder with the sources of the helpers and peers. */
export const SOURCES = fileURLToPath(new URL('.', import.meta.url))

/** Builds are kept between runs, outside the tree. */
export const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'tun2udp',
  'bench',
)

/**
 * Returns the directory with the build of these sources. It is built now, unless an earlier run built it from
 * the same sources.
 *
 * @param key further inputs of the result, such as the compiler's version.
 * @param build creates the result in the directory that it receives. The directory is kept as a whole or, if
 * the function throws, removed.
 */
export async function cached(
  name: string,
  sources: readonly string[],
  key: string,
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256').update(key)
  for (const source of sources) hash.update(source).update(readFileSync(join(SOURCES, source)))
  const kept = join(CACHE, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(kept)) return kept
  mkdirSync(dirname(kept), { recursive: true })
  const aside = mkdtempSync(`${kept}.`)
  try {
    await build(aside)
    keep(aside, kept)
    return kept
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

/** Another process may have built the same result during this time. */
function keep(aside: string, kept: string): void {
  try {
    renameSync(aside, kept)
  } catch (error) {
    if (!existsSync(kept)) throw error
  }
}

/** Returns the files in a folder of the sources, without those in subfolders. */
export function sourcesIn(folder: string): string[] {
  return readdirSync(join(SOURCES, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name))
    .sort()
}
