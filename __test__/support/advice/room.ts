import type { ExecutionContext } from 'ava'
import type { Netlink } from '../../../dist/index.js'
import { type Namespace } from '../namespace.ts'
import { withNetlink } from '../netlink.ts'
import { INDEX, runModule } from '../script.ts'
import { hasTools, isOpenToOthers, rootTest } from '../skip.ts'

/** A call that fails with an advice, and the steps of the advice. */
export interface AdviceCase {
  /** The text of the advice in the sources; `{…}` stands for any text. */
  readonly advice: string
  /** Distinguishes cases with the same advice. */
  readonly of?: string
  /** Programs that the case needs. */
  readonly tools?: readonly string[]
  /** Whether another user loads this project in the case. */
  readonly isOtherUser?: true
  /** Makes the call, which must be refused with the advice, follows the advice, and makes the call again. */
  readonly run: (room: AdviceRoom) => Promise<unknown>
}

/** The surroundings of a case. Everything is removed with the test. */
export interface AdviceRoom {
  readonly t: ExecutionContext
  readonly namespace: Namespace
  /** The name of the namespace. */
  readonly netns: string
  /** A session in the namespace. */
  readonly netlink: Netlink
  /** Runs a line of ip(8) in the namespace. */
  readonly ip: (line: string) => Promise<string>
  /** Expects a call that is refused with the advice; returns the message. */
  readonly refused: (call: Promise<unknown>) => Promise<string>
  /** Expects the advice in a text. */
  readonly advised: (message: string) => void
  /**
   * Runs the body of an asynchronous function in a process in the namespace; `prefix` is a command before that of
   * Node. The body has the package as `tun2udp`, and `attempt(call)`, which returns `works` or the error's message.
   * Returns the results that it passes to `say()`.
   */
  readonly script: (body: string, ...prefix: string[]) => Promise<string[]>
}

/** Returns the cases, which have the type of its parameter. */
export function adviceCases(cases: readonly AdviceCase[]): readonly AdviceCase[] {
  return cases
}

/** Defines a test for each case. */
export function adviceTests(cases: readonly AdviceCase[]): void {
  for (const { advice, of, tools = [], isOtherUser, run } of cases) {
    rootTest(`advice: ${advice}${of === undefined ? '' : ` (${of})`}`, async (t) => {
      if (!hasTools(t, ...tools) || (isOtherUser && !isOpenToOthers(t))) return
      const { namespace, netlink } = await withNetlink(t)
      const pattern = patternOf(advice)
      let count = 0
      const advised = (message: string) => {
        count++
        t.regex(message, pattern)
      }
      await run({
        t,
        namespace,
        netns: namespace.name,
        netlink,
        ip: (line) => namespace.run('ip', ...line.split(' ')),
        refused: async (call) => {
          const message = await messageOf(call)
          advised(message)
          return message
        },
        advised,
        script: (body, ...prefix) => runBody(namespace, body, prefix),
      })
      t.true(count > 0, 'no call was refused')
    })
  }
}

/** Returns the pattern of a message with the advice. */
function patternOf(advice: string): RegExp {
  const literal = advice.replaceAll(/[.*+?^$()|[\]\\]/gu, String.raw`\$&`)
  return new RegExp(literal.replaceAll(/\{[^}]*\}/gu, '.+'), 'u')
}

async function messageOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'it was not refused',
    (error: unknown) => (error as Error).message,
  )
}

async function runBody(namespace: Namespace, body: string, prefix: string[]): Promise<string[]> {
  const script = `
    import * as tun2udp from '${INDEX}'
    const attempt = async (call) => {
      try { await call() } catch (error) { return error.message }
      return 'works'
    }
    const said = []
    const say = (...results) => said.push(...results)
    ${body}
    console.log(JSON.stringify(said))`
  const output =
    prefix.length === 0
      ? await runModule(namespace, script)
      : await namespace.run(...prefix, process.execPath, '--input-type=module', '-e', script)
  return JSON.parse(output) as string[]
}
