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

/** Where the sources of the helpers and peers are. */
export const SOURCES = fileURLToPath(new URL('.', import.meta.url))

/** Builds are kept between runs, outside the tree. */
export const CACHE = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'tun2udp',
  'bench',
)

/**
 * The directory with what was built from these sources: built now, or by an earlier run from the same.
 *
 * @param key what else the result depends on, such as the compiler's version.
 * @param build makes the result in the directory that it is given; what it leaves there is kept whole
 * or, if it throws, not at all.
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

/** Another process may have built the same meanwhile. */
function keep(aside: string, kept: string): void {
  try {
    renameSync(aside, kept)
  } catch (error) {
    if (!existsSync(kept)) throw error
  }
}

/** The files in a folder of the sources, not below it. */
export function sourcesIn(folder: string): string[] {
  return readdirSync(join(SOURCES, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name))
    .sort()
}
