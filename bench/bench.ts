/**
 * The race of the relay against its peers: `npm run bench [-- OPTIONS]`.
 *
 * README.md in this folder describes how it is built, and the meaning of its figures.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArguments } from './arguments.ts'
import { missingPrivilege } from './lane/namespace.ts'
import { buildTools, versionOf } from './native/tools.ts'
import { terminalReport } from './report/terminal.ts'
import { writeReport } from './report/render.ts'
import { FORMAT, type Results } from './results.ts'
import { commitOf, machine, versions } from './run/machine.ts'
import { Progress } from './run/progress.ts'
import { race } from './run/race.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const INTERRUPTED = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

async function main(argv: readonly string[], signal: AbortSignal): Promise<void> {
  const { plan, out } = parseArguments(argv)
  const privilege = missingPrivilege()
  if (privilege !== undefined) throw new Error(privilege)
  await requirePrograms()
  const tools = await buildTools(signal)
  using progress = new Progress()
  const { peers, samples } = await race(plan, tools, signal, progress)
  const results: Results = {
    format: FORMAT,
    date: new Date().toISOString(),
    commit: await commitOf(ROOT),
    command: argv.join(' '),
    machine: machine(),
    versions: await versions(),
    seconds: plan.seconds,
    rounds: plan.rounds,
    mtus: plan.mtus,
    path: plan.path,
    congestion: plan.congestion,
    peers,
    scenarios: plan.scenarios.map(({ id, title, metrics }) => ({ id, title, metrics })),
    samples,
  }
  progress[Symbol.dispose]()
  await writeReport(results, out)
  console.log(terminalReport(results))
  console.error(`bench: written to ${join(out, 'latest.json')} and beside it`)
}

/** Checks that the programs that every run needs are installed. */
async function requirePrograms(): Promise<void> {
  for (const [program, option, source] of [
    ['ip', '-V', 'iproute2'],
    ['nsenter', '--version', 'util-linux'],
    ['setpriv', '--version', 'util-linux'],
    ['iperf3', '--version', 'iperf3'],
  ] as const) {
    if ((await versionOf(program, [option])) === undefined) {
      throw new Error(`the program ${program} is missing: install ${source}`)
    }
  }
}

const interruption = new AbortController()
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => {
    process.exitCode = INTERRUPTED[name]
    interruption.abort()
  })
}
await main(process.argv.slice(2), interruption.signal).catch((error: unknown) => {
  if (interruption.signal.aborted) {
    console.error('bench: interrupted; nothing is left behind')
    return
  }
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})
