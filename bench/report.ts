/**
 * `npm run bench:report [-- DIRECTORY]` renders the page and the plots again from the results in the directory.
 * `npm run bench:report -- DIRECTORY DIRECTORY…` prints the results of several directories side by side.
 */
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { compareRuns } from './report/compare.ts'
import { readResults, writeReport } from './report/render.ts'

const RECORDED = fileURLToPath(new URL('results', import.meta.url))
const USAGE = 'Usage: npm run bench:report [-- DIRECTORY…]'

async function main(directories: readonly string[]): Promise<void> {
  if (directories.some((directory) => directory.startsWith('-'))) throw new Error(USAGE)
  if (directories.length > 1) {
    const runs = directories.map((directory) => ({
      name: basename(resolve(directory)),
      results: readResults(directory),
    }))
    process.stdout.write(compareRuns(runs))
    return
  }
  const [directory = RECORDED] = directories
  await writeReport(readResults(directory), directory)
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})
