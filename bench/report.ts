/** `npm run bench:report [-- DIRECTORY]`: renders the page and the plots again from the results in the directory. */
import { fileURLToPath } from 'node:url'
import { readResults, writeReport } from './report/render.ts'

const RECORDED = fileURLToPath(new URL('results', import.meta.url))
const USAGE = 'Usage: npm run bench:report [-- DIRECTORY]'

async function main([directory = RECORDED, ...excess]: readonly string[]): Promise<void> {
  if (excess.length > 0 || directory.startsWith('-')) throw new Error(USAGE)
  await writeReport(readResults(directory), directory)
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})
