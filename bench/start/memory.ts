import { readFileSync, readdirSync } from 'node:fs'

/** The parts of the resident memory, in the order of the table. */
export const PARTS = [
  'Node and its libraries',
  'the addon',
  "malloc's heap",
  "V8's heap, buffers, stacks",
] as const

type Part = (typeof PARTS)[number]

/** The resident memory of a process, and its threads. */
export interface Memory {
  /** Bytes by part. Pages of files are counted although other processes share them. */
  readonly parts: Readonly<Record<Part, number>>
  readonly total: number
  readonly threads: number
}

/** Returns the resident memory of a process now, proc_pid_smaps(5). */
export function memoryOf(pid: number): Memory {
  const parts = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>
  let part: Part = PARTS[3]
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const [, file] = /^[\da-f]+-[\da-f]+ \S+ \S+ \S+ \S+ *(.*)$/u.exec(line) ?? []
    if (file !== undefined) part = partOf(file)
    const [, kilobytes] = /^Rss: +(\d+) kB$/u.exec(line) ?? []
    if (kilobytes !== undefined) parts[part] += Number(kilobytes) * 1024
  }
  const total = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0)
  return { parts, total, threads: readdirSync(`/proc/${pid}/task`).length }
}

function partOf(file: string): Part {
  if (file === '[heap]') return "malloc's heap"
  if (file.endsWith('.node')) return 'the addon'
  return file.startsWith('/') ? 'Node and its libraries' : "V8's heap, buffers, stacks"
}
