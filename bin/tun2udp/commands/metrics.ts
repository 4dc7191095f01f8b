import { TunError } from '../../../lib/errors.ts'
import { formatEndpoint } from '../../../lib/relay/info.ts'
import { formatSnapshots } from '../../../lib/relay/metrics.ts'
import { findAll } from '../control/find.ts'
import type { Snapshot } from '../control/snapshot.ts'
import { print } from '../print.ts'
import { STATUS } from '../status.ts'
import { NAME_OR_ALL, describeCommand, requestAt, runClient } from './describe.ts'

/** Prints the counters of one relay or of all in the text format of Prometheus. */
export async function run(args: readonly string[]): Promise<number> {
  const purpose = 'Prints the counters of relays in the text format of Prometheus.'
  const command = describeCommand('metrics', purpose).argument(...NAME_OR_ALL)
  return runClient('metrics', command, args, async ([name]) => {
    const sockets = await findAll(name)
    const answers = await Promise.all(sockets.map(async (socket) => requestAt(socket, 'show')))
    const snapshots = answers as Snapshot[]
    checkDistinct(snapshots)
    return print({ stdout: formatSnapshots(snapshots), stderr: '', status: STATUS.success })
  })
}

/** Refuses relays whose samples would have the same labels: those of namespaces with the same names. */
function checkDistinct(snapshots: readonly Snapshot[]): void {
  const labels = snapshots.map(
    ({ info }) => `${info.interface.name} at ${formatEndpoint(info.local)}`,
  )
  const twice = labels.find((label, at) => labels.indexOf(label) !== at)
  if (twice === undefined) return
  throw new TunError(
    `print the metrics: several relays are ${twice}, so their metrics would be the same; give the name of one`,
    { code: 'ERR_TUN_INVALID_ARGUMENT', subject: twice },
  )
}
