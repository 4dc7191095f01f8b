import { ControlClient } from '../control/client.ts'
import { findOne } from '../control/find.ts'
import { print } from '../print.ts'
import { STATUS } from '../status.ts'
import { NAME, describeCommand, runClient } from './describe.ts'

/** Ends a relay. Returns once its process has ended, which has removed everything then. */
export async function run(args: readonly string[]): Promise<number> {
  const purpose = 'Ends a relay as SIGTERM does, and waits until it has removed everything.'
  const command = describeCommand('stop', purpose).argument(...NAME)
  return runClient('stop', command, args, async ([name]) => {
    const { path, name: found } = await findOne(name)
    const client = await ControlClient.connect(path)
    await client.request('stop')
    await client.untilClosed()
    return print({ stdout: `stopped ${found}\n`, stderr: '', status: STATUS.success })
  })
}
