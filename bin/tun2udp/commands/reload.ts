import type { PeerChanges } from '../../../index.ts'
import { describeChanges } from '../config/changes.ts'
import { print } from '../print.ts'
import { STATUS } from '../status.ts'
import { NAME, describeCommand, requestOne, runClient } from './describe.ts'

/** Makes a relay read its configuration file again. */
export async function run(args: readonly string[]): Promise<number> {
  const purpose =
    'Makes a relay read its configuration file again and change its peers, as SIGHUP does.'
  const command = describeCommand('reload', purpose).argument(...NAME)
  return runClient('reload', command, args, async ([name]) => {
    const { changes } = (await requestOne(name, 'reload')) as { changes: PeerChanges }
    return print({
      stdout: `${describeChanges(changes)}\n`,
      stderr: '',
      status: STATUS.success,
    })
  })
}
