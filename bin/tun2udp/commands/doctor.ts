import { Command } from 'commander'
import { canStart, examine, formatFindings, toJson } from '../doctor/doctor.ts'
import { readSystem } from '../doctor/system.ts'
import { parseWith } from '../parse.ts'
import { print } from '../print.ts'
import { STATUS } from '../status.ts'
import { describeCommand, hintOf } from './describe.ts'

/** Examines this machine. */
export async function run(args: readonly string[]): Promise<number> {
  const command = describe()
  const printed = parseWith(command, args, hintOf('doctor'))
  if (printed) return print(printed)
  const { json } = command.opts<{ json?: true }>()
  const findings = examine(await readSystem())
  const stdout = json ? toJson(findings) : formatFindings(findings)
  const status = canStart(findings) ? STATUS.success : STATUS.failure
  return print({ stdout, stderr: '', status })
}

function describe(): Command {
  const purpose =
    'Examines this machine: what a tunnel needs, what is missing, and what to do about it.'
  return describeCommand('doctor', purpose)
    .usage('[options]')
    .option('--json', 'print the findings as one JSON object')
    .addHelpText(
      'after',
      '\nStatus:   0: a tunnel can be started; 1: there is a problem; 2: wrong options',
    )
}
