#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { findGroup, findUser } from '../lib/persistent/tunctl.ts'
import { nameProcess } from './title.ts'
import { type Command, parseArguments } from './tunctl/arguments.ts'
import { type Ending, runDevice } from './tunctl/device.ts'
import { UsageError } from './tunctl/getopt.ts'
import { STDERR, STDOUT, USAGE, write } from './tunctl/output.ts'

/**
 * Returns the arguments after the program's name, one character per byte. Node decodes them as UTF-8; for arguments
 * that are not UTF-8 the bytes are read from the kernel.
 */
function byteArguments(): string[] {
  const read = process.argv.slice(2)
  if (read.some((arg) => arg.includes('\uFFFD'))) {
    try {
      // Each argument ends with a NUL. Node, its options and the script come first.
      const all = readFileSync('/proc/self/cmdline', 'latin1').split('\0').slice(0, -1)
      return all.slice(all.length - read.length)
    } catch {
      // Without /proc: as Node decoded them.
    }
  }
  return read.map((arg) => Buffer.from(arg).toString('latin1'))
}

async function run(command: Command): Promise<Ending> {
  if (command.action === 'create' || command.action === 'delete') return runDevice(command)
  // Options that the original lacks are loaded on demand, to keep the start fast.
  const { HELP, list, version } = await import('./tunctl/extras.ts')
  const texts = {
    help: () => HELP,
    version: () => `${version()}\n`,
    list: () => list(command as Extract<Command, { action: 'list' }>),
  }
  const text = await texts[command.action]()
  return { status: 0, stdout: Buffer.from(text).toString('latin1'), stderr: '' }
}

async function main(): Promise<Ending> {
  const databases = {
    findUser: async (name: string) => findUser(Buffer.from(name, 'latin1')),
    findGroup: async (name: string) => findGroup(Buffer.from(name, 'latin1')),
  }
  const stopsAtOperand = process.env['POSIXLY_CORRECT'] !== undefined
  try {
    const args = byteArguments()
    // The title overwrites the arguments that the kernel shows, so they are read first.
    nameProcess('tunctl', process.argv.slice(2))
    return await run(await parseArguments(args, databases, stopsAtOperand))
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const line = error.message === '' ? '' : `${error.message}\n`
    return { status: 1, stdout: '', stderr: `${line}${USAGE}` }
  }
}

/** Describes a defect, or an addon that cannot be loaded, on one line without a stack. */
function describeError(error: unknown): Ending {
  const text = error instanceof Error ? error.message : String(error)
  const line = `tunctl: ${text.replaceAll(/\s*\n\s*/gu, ' ')}\n`
  return { status: 1, stdout: '', stderr: Buffer.from(line).toString('latin1') }
}

const { status, stdout, stderr } = await main().catch(describeError)
process.exitCode = status
await write(STDOUT, stdout)
await write(STDERR, stderr)
