/**
 * `node scripts/readme-results.js`: writes the table "In short" of the recorded results to README.md.
 * With `--check` it only checks whether the table is current.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const README = 'README.md'
const RESULTS = 'bench/results/latest.md'

const [, caption, rows] =
  /^## In short\n\n(.+?)\n\n(\|.+?)\n\n/ms.exec(readFileSync(RESULTS, 'utf8')) ?? []
if (rows === undefined) throw new Error(`${RESULTS} has no table "In short"`)

const before = readFileSync(README, 'utf8')
const after = before.replace(
  /(<!-- results -->\n).*(<!-- end of results -->)/s,
  (_all, start, end) => `${start}\n${caption}\n\n${rows}\n\n${end}`,
)
if (process.argv[2] === '--check') {
  if (after !== before) {
    console.error(
      `${README}: its results are not those of ${RESULTS}: node scripts/readme-results.js`,
    )
    process.exitCode = 1
  }
} else writeFileSync(README, after)
