import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Results } from '../results.ts'

/** Writes the results and what is rendered from them. */
export function writeReport(results: Results, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'latest.json'), `${JSON.stringify(results, null, 1)}\n`)
  return Promise.resolve()
}
