/**
 * Counts the tests in the output of test suites (scripts/suites.sh), and lists skipped tests with their reasons, and
 * failed ones. The status is 0 only if every suite ran tests and succeeded.
 *
 * A test that cannot run on a machine prints `SKIP its name: the reason` and passes, or its runner
 * reports that it was skipped. Either counts as skipped, not as passed.
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
  // One per counted failure, whether or not its line could be parsed.
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

/** Returns a suite's counts. A suite that ran no test, or ended early without a failed test, counts as one failure. */
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
