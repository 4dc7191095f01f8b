/**
 * Counts what test suites printed (scripts/suites.sh), names what was skipped and why, and what
 * failed, and answers with the status: 0 only if every suite ran tests, ended well, nothing failed.
 *
 * A test that cannot run here passes after it has printed `SKIP its name: the reason`, or its runner
 * says itself that it was left out. Either counts as skipped, not as passed.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const NO_REASON = 'no reason was given'

/** libtest: `test result: ok. 3 passed; 0 failed; 1 ignored; …`, once for each binary. */
function countCargo(text) {
  const count = { passed: 0, failed: 0, skips: [], failures: [] }
  let ignored = 0
  const result = /test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/g
  for (const [, ...numbers] of text.matchAll(result)) {
    const [passed, failed, left] = numbers.map(Number)
    count.passed += passed
    count.failed += failed
    ignored += left
  }
  count.failures = [...text.matchAll(/^test (.+?) \.\.\. FAILED$/gm)].map(([, name]) => name)
  const printed = [...text.matchAll(/^SKIP (.+)$/gm)].map(([, reason]) => reason)
  count.passed -= printed.length
  const marked = [...text.matchAll(/^test (.+?) \.\.\. ignored(?:, (.*))?$/gm)].map(
    ([, name, reason]) => `${name}: ${reason ?? NO_REASON}`,
  )
  // One for each that was counted, whether or not its line could be read.
  for (let index = 0; index < ignored; index++) {
    count.skips.push(marked[index] ?? `a test of libtest: ${NO_REASON}`)
  }
  count.skips.push(...printed)
  return count
}

/** TAP: `ok 1 - name`, `not ok 2 - name`, `ok 3 - name # SKIP reason`; a test's log lines follow it. */
function countTap(text) {
  const count = { passed: 0, failed: 0, skips: [], failures: [] }
  let isPassed = false
  for (const line of text.split('\n')) {
    const [, not, rest] = /^(not )?ok \d+(.*)$/.exec(line) ?? []
    if (rest !== undefined) {
      const [, name, reason] = /^(?: - )?(.*?)\s*# SKIP\s*(.*)$/i.exec(rest) ?? []
      isPassed = !not && name === undefined
      if (not) {
        count.failed += 1
        count.failures.push(rest.replace(/^ - /, ''))
      }
      if (isPassed) count.passed += 1
      else if (!not) count.skips.push(`${name}: ${reason || NO_REASON}`)
      continue
    }
    const [, reason] = /^#\s+SKIP (.+)$/.exec(line) ?? []
    if (!reason || !isPassed) continue
    count.passed -= 1
    count.skips.push(reason)
    isPassed = false
  }
  return count
}

/** A suite's counts; one that ran nothing, or broke off without a failed test, failed once. */
function countSuite(logs, file) {
  const { name, kind } = /^(?<name>.+)\.(?<kind>cargo|tap)$/.exec(file).groups
  const count = { cargo: countCargo, tap: countTap }[kind](readFileSync(join(logs, file), 'utf8'))
  const status = Number(readFileSync(join(logs, `${name}.status`), 'utf8'))
  const isEmpty = count.passed + count.failed + count.skips.length === 0
  if (status !== 0) console.log(`${name}: ended with status ${status}`)
  if (isEmpty) console.log(`${name}: no test was run`)
  if (count.failed === 0 && (status !== 0 || isEmpty)) count.failed = 1
  count.failures = count.failures.map((failure) => `${name}: ${failure}`)
  return count
}

const [, , logs] = process.argv
const files = readdirSync(logs).filter((file) => !file.endsWith('.status'))
const counts = files.map((file) => countSuite(logs, file))
const sum = (key) => counts.reduce((total, count) => total + count[key], 0)
const skips = counts.flatMap((count) => count.skips)
const failed = files.length === 0 ? 1 : sum('failed')

for (const skip of skips) console.log(`SKIP ${skip}`)
for (const failure of counts.flatMap((count) => count.failures)) console.log(`FAIL ${failure}`)
const skipped = skips.length > 0 ? `, ${skips.length} skipped` : ''
console.log(`${sum('passed')} passed, ${failed} failed${skipped}`)
process.exitCode = failed === 0 ? 0 : 1
