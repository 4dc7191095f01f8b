import { readFileSync } from 'node:fs'

/** `sysconf(_SC_CLK_TCK)`: the unit of times in /proc, fixed by Linux's ABI for user space. */
const TICKS_PER_SECOND = 100

/** The resources that processes have used so far. */
export interface Usage {
  /** CPU time of all their threads, user and system, in seconds. */
  cpuSeconds: number
  /** Resident memory now, in bytes. */
  rssBytes: number
}

/** Sums the usage of processes, proc_pid_stat(5) and proc_pid_status(5). */
export function usageOf(pids: readonly number[]): Usage {
  const sum = (read: (pid: number) => number) => pids.reduce((total, pid) => total + read(pid), 0)
  return { cpuSeconds: sum(cpuSecondsOf), rssBytes: sum(rssBytesOf) }
}

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The program's name may hold blanks and brackets; behind it utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

function rssBytesOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1] ?? 0) * 1024
}

/** CPU time of the whole machine that was not idle, in seconds, proc_stat(5). */
export function busySeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .split(/\s+/u)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq) / TICKS_PER_SECOND
}
