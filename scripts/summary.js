/**
 * Counts what the suites of scripts/test.sh printed, names what was skipped and why, and answers
 * with the status: 0 only if every suite ended well and nothing failed.
 *
 * A test that cannot run here passes after printing `SKIP its name: the reason`.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const logs = process.argv[2]

function read(name) {
  return readFileSync(join(logs, name), 'utf8')
}

/** `test result: ok. 3 passed; 0 failed; 1 ignored; …`, once for each binary. */
function countRust(text) {
  const count = { passed: 0, failed: 0 }
  for (const [, passed, failed] of text.matchAll(
    /^test result: \w+\. (\d+) passed; (\d+) failed;/gm,
  )) {
    count.passed += Number(passed)
    count.failed += Number(failed)
  }
  return count
}

/** TAP: `ok 1 - name` and `not ok 2 - name` at the start of a line. */
function countTap(text) {
  return {
    passed: text.match(/^ok \d+/gm)?.length ?? 0,
    failed: text.match(/^not ok \d+/gm)?.length ?? 0,
  }
}

const rust = read('rust')
const node = read('node')
const counts = [countRust(rust), countTap(node)]
const skips = [...`${rust}\n${node}`.matchAll(/^[\s#*ℹ]*(SKIP .+)$/gm)].map(([, line]) => line)
let passed = counts.reduce((sum, count) => sum + count.passed, 0) - skips.length
let failed = counts.reduce((sum, count) => sum + count.failed, 0)

const suites = read('status').trim().split('\n')
for (const suite of suites) {
  const [name, status] = suite.split(' ')
  if (status !== '0') console.log(`the ${name} tests ended with status ${status}`)
}
const isBroken = suites.some((suite) => !suite.endsWith(' 0'))
for (const [index, name] of ['rust', 'node'].entries()) {
  if (counts[index].passed + counts[index].failed === 0) {
    console.log(`the ${name} tests did not run`)
    failed += 1
  }
}
// A suite that broke off without a failing test is a failure all the same.
if (isBroken && failed === 0) failed = 1

for (const skip of skips) console.log(skip)
const skipped = skips.length > 0 ? `, ${skips.length} skipped` : ''
console.log(`${passed} passed, ${failed} failed${skipped}`)
process.exit(failed === 0 ? 0 : 1)
