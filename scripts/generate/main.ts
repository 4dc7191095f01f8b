/**
 * Writes the files of the tree that are generated from the tables of options and counters. `--check` only
 * compares them, and fails if one differs. It requires the built addon, which contains the counters.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { loadNative } from '../../lib/native/native.ts'
import { counterDescriptions, countersFile } from './counters.ts'
import { declarations } from './declarations.ts'
import { counterTable, insert, optionTable, statusTable } from './documents.ts'
import { schema } from './schema.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const PAGE = 'docs/tun2udp.md'
const SCHEMA = 'contrib/tun2udp.schema.json'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** Returns the files that are kept in git, by path. */
async function sources(): Promise<Record<string, string>> {
  const { tables } = await loadNative()
  const counters = counterDescriptions(tables().counters)
  const page = insert(insert(read(PAGE), 'options', optionTable()), 'statuses', statusTable())
  return {
    'lib/options/declarations.ts': await formatted('lib/options/declarations.ts', declarations()),
    'lib/relay/counters.ts': await formatted('lib/relay/counters.ts', countersFile(counters)),
    [SCHEMA]: await formatted(SCHEMA, schema()),
    [PAGE]: insert(page, 'counters', counterTable(counters)),
  }
}

async function formatted(path: string, text: string): Promise<string> {
  const filepath = join(ROOT, path)
  return format(text, { ...(await resolveConfig(filepath)), filepath })
}

async function writeSources(isCheck: boolean): Promise<void> {
  for (const [path, text] of Object.entries(await sources())) {
    if (readOrNothing(path) === text) continue
    if (!isCheck) writeFileSync(join(ROOT, path), text)
    else {
      process.stderr.write(`${path} is not what the tables say: run \`npm run generate\`\n`)
      process.exitCode = 1
    }
  }
}

function readOrNothing(path: string): string | undefined {
  try {
    return read(path)
  } catch {
    return undefined
  }
}

const [mode] = process.argv.slice(2)
if (mode === undefined || mode === '--check') await writeSources(mode === '--check')
else {
  process.stderr.write('usage: main.ts [--check]\n')
  process.exitCode = 1
}
