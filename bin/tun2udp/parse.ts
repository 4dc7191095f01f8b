import { type Command, CommanderError } from 'commander'
import type { Printed } from './print.ts'
import { STATUS } from './status.ts'

/** The parser's words for an operand that a command does not take. */
const TOO_MANY = /^too many arguments.* Expected (\d+) arguments? but got \d+\.$/u

/**
 * Parses arguments with a command, which then has the operands and options.
 *
 * @param hint the end of a message about an option.
 * @returns the text to print if the arguments are wrong or ask for a text, such as the help; otherwise nothing.
 */
export function parseWith(
  command: Command,
  argv: readonly string[],
  hint: string,
): Printed | undefined {
  let stdout = ''
  let stderr = ''
  command.exitOverride().configureOutput({
    writeOut: (text) => (stdout += text),
    writeErr: (text) => (stderr += text),
    outputError: (text, write) => {
      // In the form of the other messages: `WHAT: REASON; ADVICE` on one line.
      const line = text
        .trim()
        .replace(/^error: /u, '')
        .replace(' is invalid. ', ' is invalid: ')
        .replace(TOO_MANY, 'too many operands: expected at most $1')
      write(`tun2udp: ${line.replaceAll(/\s*\n\s*/gu, ' ')}; ${hint}\n`)
    },
  })
  try {
    command.parse(argv, { from: 'user' })
    return undefined
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return { stdout, stderr, status: error.exitCode === 0 ? STATUS.success : STATUS.usage }
  }
}
