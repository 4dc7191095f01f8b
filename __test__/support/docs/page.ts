import type { ExecutionContext } from 'ava'
import { rootTest } from '../skip.ts'
import { Machine, type MachineOptions, cable } from './machine.ts'
import { type Block, blocksOf } from './markdown.ts'
import { type StartMachine, type Walk, connected } from './walks/walk.ts'

/** The blocks of a page. The tests take them in order, to run or check them. */
export class Page {
  readonly #page: string
  readonly #blocks: Block[]

  constructor(page: string) {
    this.#page = page
    this.#blocks = blocksOf(page)
  }

  /** Takes the next block, which must be of a language. */
  next(language: string): string {
    const block = this.#blocks.shift()
    if (!block)
      throw new Error(`${this.#page}: no block is left, but one of ${language} was expected`)
    if (block.language !== language) {
      throw new Error(
        `${block.page}:${block.line}: a block of "${block.language}", but one of "${language}" was expected`,
      )
    }
    return block.text
  }

  /** Takes a part of a program, which is not run: `types.spec.ts` compiles it. */
  typed(): void {
    this.next('js')
  }

  /** Takes a block that no test runs, for a reason. */
  shown(language: string, reason: string): string {
    if (reason === '') throw new Error(`${this.#page}: a block is not run, without a reason`)
    return this.next(language)
  }

  /** Leaves the blocks to another machine: this one lacks their requirements, which was printed. */
  skip(): void {
    this.#blocks.length = 0
  }

  /** Asserts that all blocks were taken. */
  end(t: ExecutionContext): void {
    const left = this.#blocks.map(({ page, line }) => `${page}:${line}`)
    t.deepEqual(left, [], `blocks of ${this.#page} that no test runs`)
  }
}

/** A test of a page: its walk takes every block of it, on machines that have the build of the clone. */
export function pageTest(name: string, walk: Walk): void {
  rootTest(`${name}: each block does what the page says`, async (t) => {
    await follow(t, name, walk, async (host) => Machine.start(t, host))
  })
}

/** Walks through a page on machines of a kind, and asserts that every block was used. */
export async function follow(
  t: ExecutionContext,
  name: string,
  walk: Walk,
  start: StartMachine,
): Promise<void> {
  const page = new Page(name)
  await walk(t, page, start)
  page.end(t)
}

/** The two machines of the pages, on one network. Each resolves the other's name. */
export async function twoMachines(
  t: ExecutionContext,
  options: MachineOptions = {},
): Promise<{ a: Machine; b: Machine }> {
  return connected(async (host) => Machine.start(t, host, options))
}

/** The two machines of the pages on two networks, with a router that is the default route of both. */
export async function twoRoutedMachines(
  t: ExecutionContext,
): Promise<Record<'a' | 'router' | 'b', Machine>> {
  const hosts = ['a', 'router', 'b'].map((host) => Machine.start(t, host))
  const [a, router, b] = await Promise.all(hosts)
  if (!a || !router || !b) throw new Error('three machines were started')
  await cable([a, 'eth0', '192.0.2.1/24'], [router, 'near', '192.0.2.254/24'])
  await cable([b, 'eth0', '198.51.100.1/24'], [router, 'far', '198.51.100.254/24'])
  await router.shell('sysctl -q -w net.ipv4.ip_forward=1')
  await a.shell('ip route add default via 192.0.2.254')
  await b.shell('ip route add default via 198.51.100.254')
  await a.knows({ 'b.example': '198.51.100.1' })
  await b.knows({ 'a.example': '192.0.2.1' })
  return { a, router, b }
}

/** Programs that pages start and that run until they are ended, with their output when they are ready. */
const STAYS = /^(sudo (-u \w+ )?)?(setpriv .* )?(env .* )?(tun2udp|node) /u

/**
 * Runs the commands of a block one after the other, each on the machine that the comment at its end
 * names (`# on b.example`), otherwise on the first. Programs that do not end are left running once they are ready.
 *
 * @returns the output of all commands that ended.
 */
export async function runLines(
  text: string,
  machines: Readonly<Record<string, Machine>>,
): Promise<string> {
  const [first] = Object.values(machines)
  let printed = ''
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, command = '', host] = /^(.*?)(?:\s+#(?: on (\w+)\.example)?.*)?$/u.exec(line) ?? []
    if (command.trim() === '' || command.startsWith('#')) continue
    const machine = host === undefined ? first : machines[host]
    if (!machine) throw new Error(`no machine is called ${host ?? 'anything'}: ${line}`)
    if (STAYS.test(command)) await machine.leave(command, /^(ready|.*"event":"ready"|.*ready)/mu)
    else printed += await machine.shell(command)
  }
  return printed
}
