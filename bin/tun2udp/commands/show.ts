import { ControlClient } from '../control/client.ts'
import { findOne, findRunning, noRelay } from '../control/find.ts'
import type { RelaySocket } from '../control/path.ts'
import type { Snapshot } from '../control/snapshot.ts'
import { print } from '../print.ts'
import { STATUS } from '../status.ts'
import { NAME, describeCommand, runClient } from './describe.ts'

/** Shows the state of one relay or of all. */
export async function run(args: readonly string[]): Promise<number> {
  const command = describeCommand('show', 'Shows the peers, counters and problems of relays.')
    .argument(NAME[0], NAME[1].replace('the only relay', 'all relays'))
    .option('--json', 'print one JSON object per relay and line')
  return runClient('show', command, args, async ([name]) => {
    const sockets = name === undefined ? await findRunning() : [await findOne(name)]
    if (sockets.length === 0) throw noRelay()
    const snapshots = await Promise.all(sockets.map(take))
    const stdout = snapshots.map((snapshot) => `${JSON.stringify(snapshot)}\n`).join('')
    return print({ stdout, stderr: '', status: STATUS.success })
  })
}

async function take({ path }: RelaySocket): Promise<Snapshot> {
  const client = await ControlClient.connect(path)
  try {
    return (await client.request('show')) as Snapshot
  } finally {
    client.close()
  }
}
