import { cpus, release, totalmem } from 'node:os'
import { execa } from 'execa'
import { versionOf } from '../native/tools.ts'
import type { Machine } from '../results.ts'
import { cpuFacts } from './cpu.ts'

/** This machine. */
export function machine(): Machine {
  const processors = cpus()
  return {
    kernel: `Linux ${release()}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    cpuFacts: cpuFacts(),
  }
}

/** Versions of the programs that are used here; one that is not there is left out. */
export async function versions(): Promise<Record<string, string>> {
  const asked = [
    ['rustc', 'rustc', '--version'],
    ['go', 'go', 'version'],
    ['cc', 'cc', '--version'],
    ['iperf3', 'iperf3', '--version'],
  ] as const
  const answers: [string, string][] = [['node', process.version]]
  for (const [name, program, option] of asked) {
    const version = await versionOf(program, [option])
    if (version !== undefined) answers.push([name, version])
  }
  return Object.fromEntries(answers)
}

/** The commit of the tree, and whether more than it is in the tree. */
export async function commitOf(tree: string): Promise<string> {
  const options = { cwd: tree, reject: false } as const
  const { stdout, failed } = await execa('git', ['describe', '--always', '--dirty'], options)
  return failed ? 'unknown' : stdout
}
