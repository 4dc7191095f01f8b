import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'

/**
 * A test that needs root, a TUN driver and iproute2.
 *
 * Where one is missing the test passes after it has printed `SKIP its title: the reason`, which
 * scripts/summary.js counts.
 */
export function rootTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  test(title, async (t) => {
    if (isSkipped(t, missingPrivilege() ?? missingTool('ip'))) return
    await body(t)
  })
}

/** Whether all programs are on PATH; else the test is skipped with the reason. */
export function hasTools(t: ExecutionContext, ...tools: readonly string[]): boolean {
  return !isSkipped(
    t,
    tools.map(missingTool).find((reason) => reason !== undefined),
  )
}

function isSkipped(t: ExecutionContext, reason: string | undefined): boolean {
  if (reason === undefined) return false
  t.log(`SKIP ${t.title}: ${reason}`)
  t.pass()
  return true
}

function missingPrivilege(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun'
  return undefined
}

function missingTool(tool: string): string | undefined {
  const isThere = (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  return isThere ? undefined : `needs the program ${tool} (scripts/install-test-tools.sh)`
}
