#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { findGroup, findUser } from '../lib/persistent/tunctl.ts'
import { type Command, parseArguments } from './tunctl/arguments.ts'
import { type Ending, runDevice } from './tunctl/device.ts'
import { UsageError } from './tunctl/getopt.ts'
import { STDERR, STDOUT, USAGE, write } from './tunctl/output.ts'

/**
 * The arguments behind the program's name, a character for each byte. Node has read them as UTF-8; where
 * they are not, the kernel still has them as they were.
 */
function byteArguments(): string[] {
  const read = process.argv.slice(2)
  if (read.some((arg) => arg.includes('\uFFFD'))) {
    try {
      // Each ends with a NUL; before them stand Node, its options and the script.
      const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1)
      return all.slice(all.length - read.length)
    } catch {
      // No /proc: as they were read.
    }
  }
  return read.map((arg) => Buffer.from(arg).toString('latin1'))
}

async function run(command: Command): Promise<Ending> {
  if (command.action === 'create' || command.action === 'delete') return runDevice(command)
  // Not of the original, and loaded only where it is asked for: the start is to be quick.
  const { HELP, list, version } = await import('./tunctl/extras.ts')
  const said = {
    help: () => HELP,
    version: () => `${version()}\n`,
    list: () => list(command as Extract<Command, { action: 'list' }>),
  }
  const text = await said[command.action]()
  return { status: 0, stdout: Buffer.from(text).toString('latin1'), stderr: '' }
}

async function main(): Promise<Ending> {
  const databases = {
    findUser: async (name: string) => findUser(Buffer.from(name, 'latin1')),
    findGroup: async (name: string) => findGroup(Buffer.from(name, 'latin1')),
  }
  const stopsAtOperand = process.env['POSIXLY_CORRECT'] !== undefined
  try {
    return await run(await parseArguments(byteArguments(), databases, stopsAtOperand))
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const line = error.message === '' ? '' : `${error.message}\n`
    return { status: 1, stdout: '', stderr: `${line}${USAGE}` }
  }
}

/** One line, and never a stack: a defect, or an addon that cannot be loaded. */
function describeError(error: unknown): Ending {
  const text = error instanceof Error ? error.message : String(error)
  const line = `tunctl: ${text.replaceAll(/\s*\n\s*/gu, ' ')}\n`
  return { status: 1, stdout: '', stderr: Buffer.from(line).toString('latin1') }
}

const { status, stdout, stderr } = await main().catch(describeError)
process.exitCode = status
await write(STDOUT, stdout)
await write(STDERR, stderr)
