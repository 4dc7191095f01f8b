import type { ExecutionContext } from 'ava'
import { type Machine, cable } from '../machine.ts'
import type { Page } from '../page.ts'

/** Starts a machine: with the build of the clone, or an empty one. */
export type StartMachine = (host: string) => Promise<Machine>

/**
 * The steps of a reader who follows a page: installs, saves the programs, runs the commands, exactly as in
 * the page. The documentation tests and the first hour (`__test__/packages/first-hour.spec.ts`) run it.
 */
export type Walk = (t: ExecutionContext, page: Page, start: StartMachine) => Promise<void> | void

/** The two machines of the pages, on one network. Each resolves the other's name. */
export async function connected(start: StartMachine): Promise<{ a: Machine; b: Machine }> {
  const [a, b] = await Promise.all([start('a'), start('b')])
  await cable([a, 'eth0', '192.0.2.1/24'], [b, 'eth0', '192.0.2.2/24'])
  const hosts = { 'a.example': '192.0.2.1', 'b.example': '192.0.2.2' }
  await Promise.all([a.knows(hosts), b.knows(hosts)])
  return { a, b }
}

/** Installs on several machines at the same time. */
export async function installOn(script: string, ...machines: readonly Machine[]): Promise<void> {
  await Promise.all(machines.map((machine) => machine.install(script)))
}
