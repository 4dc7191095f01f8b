import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'

/**
 * Defines a test that requires root, a TUN driver and iproute2.
 *
 * If one is missing, the test prints `SKIP its title: the reason` and passes. scripts/summary.js counts these
 * lines.
 */
export function rootTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  test(title, async (t) => {
    if (isSkipped(t, missingPrivilege() ?? missingTool('ip'))) return
    await body(t)
  })
}

/** Returns whether all programs are on PATH; otherwise the test is skipped with the reason. */
export function hasTools(t: ExecutionContext, ...tools: readonly string[]): boolean {
  return !isSkipped(
    t,
    tools.map(missingTool).find((reason) => reason !== undefined),
  )
}

/**
 * Returns whether other users may read this project, which programs that run as another user require;
 * otherwise the test is skipped.
 */
export function isOpenToOthers(t: ExecutionContext): boolean {
  return !isSkipped(t, closedFolder())
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

function closedFolder(): string | undefined {
  // A program may keep the group of root.
  const ENTER = 0o011
  for (let folder = fileURLToPath(new URL('../..', import.meta.url)); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & ENTER) !== ENTER)
      return `another user may not enter ${folder} (chmod go+x)`
    if (folder === dirname(folder)) return undefined
  }
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
