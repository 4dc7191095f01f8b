import { execa } from 'execa'

/** The CPU that processes are bound to. */
const CPU = '0'

/**
 * Binds processes to one CPU while an action runs, with all threads that they have now.
 *
 * @param action receives the beginning of a command line that binds a further program to the CPU.
 */
export async function onOneCpu<T>(
  pids: readonly number[],
  action: (prefix: readonly string[]) => Promise<T>,
): Promise<T> {
  const before = await Promise.all(pids.map(affinityOf))
  try {
    for (const pid of pids) await bind(pid, CPU)
    return await action(['taskset', '-c', CPU])
  } finally {
    for (const [index, pid] of pids.entries()) {
      // A forwarder that has ended has no affinity to restore.
      await bind(pid, before[index] ?? CPU).catch(() => undefined)
    }
  }
}

async function bind(pid: number, cpus: string): Promise<void> {
  await execa('taskset', ['-a', '-c', '-p', cpus, String(pid)])
}

/** Returns the CPUs of a process as a list of taskset(1). */
async function affinityOf(pid: number): Promise<string> {
  const { stdout } = await execa('taskset', ['-c', '-p', String(pid)])
  return stdout.slice(stdout.lastIndexOf(':') + 1).trim()
}
