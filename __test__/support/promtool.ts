import { spawnSync } from 'node:child_process'
import type { ExecutionContext } from 'ava'

/** Asserts that promtool accepts metrics, without a remark. */
export function accepted(t: ExecutionContext, metrics: string): void {
  const promtool = process.env['TUN2UDP_PROMTOOL'] ?? 'promtool'
  const { error, status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
    input: metrics,
    encoding: 'utf8',
  })
  if (error) {
    t.log(`SKIP ${t.title}: promtool is not installed (scripts/promtool.sh fetches it)`)
    t.pass()
    return
  }
  t.is(`${stdout}${stderr}`, '')
  t.is(status, 0)
}
