import { runScript } from '../support/script.ts'
import { withNamespace } from '../support/namespace.ts'
import { rootTest as test } from '../support/skip.ts'

/** The output of `__test__/support/wrong/main.mjs`. */
interface Report {
  /** Wrong values per argument, and the number of calls and arguments that were tried. */
  readonly values: number
  readonly arguments: number
  readonly calls: number
  readonly functions: readonly string[]
  /** The fault of a call, and the first value that shows it. */
  readonly faults: Readonly<Record<string, string>>
  readonly left: Readonly<Record<string, number>>
}

test('each wrong argument of each function is one TunError, and leaves nothing', async (t) => {
  const namespace = await withNamespace(t)
  const output = await runScript(namespace, 'wrong/main.mjs', '--expose-gc')
  const report = JSON.parse(output) as Report
  t.log(`${report.calls} calls: ${report.values} values for ${report.arguments} arguments`)
  t.deepEqual(report.faults, {})
  t.deepEqual(report.left, { descriptors: 0, links: 0, threads: 0, listeners: 0, handles: 0 })
  t.true(report.values >= 200)
  t.true(report.arguments >= 400)
  t.true(report.functions.length >= 95)
})
