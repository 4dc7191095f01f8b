import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Results, parseResults } from '../results.ts'
import { markdownReport } from './markdown.ts'
import { plots } from './plot.ts'

/** The file that everything else is rendered from. */
export const RESULTS_FILE = 'latest.json'
const PAGE_FILE = 'latest.md'

/** Returns the rendered files, by file name. */
export async function render(results: Results): Promise<Map<string, string>> {
  const pictures = await plots(results)
  const files = new Map([[PAGE_FILE, markdownReport(results, [...pictures.keys()])]])
  for (const [file, picture] of pictures) files.set(file, `${picture}\n`)
  return files
}

/** Reads the results of a directory. */
export function readResults(directory: string): Results {
  const file = join(directory, RESULTS_FILE)
  return parseResults(readFileSync(file, 'utf8'), file)
}

/** Writes the results and what is rendered from them. */
export async function writeReport(results: Results, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, RESULTS_FILE), `${JSON.stringify(results, null, 1)}\n`)
  for (const [file, text] of await render(results)) writeFileSync(join(directory, file), text)
}
