import { setTimeout as delay } from 'node:timers/promises'
import { Command } from 'commander'
import { ControlClient } from '../control/client.ts'
import { findAll, findRunning } from '../control/find.ts'
import type { RelaySocket } from '../control/path.ts'
import type { Snapshot } from '../control/snapshot.ts'
import { print } from '../print.ts'
import { STATUS } from '../status.ts'
import { NAME_OR_ALL, describeCommand, requestAt, runClient } from './describe.ts'

/** The time that the rates of a table are measured for, milliseconds. */
const SAMPLE_MS = 500

/** Shows the state of one relay or of all. */
export async function run(args: readonly string[]): Promise<number> {
  return runClient('show', describe(), args, async ([name], { json, watch }) => {
    const sockets = await findAll(name)
    if (watch) {
      // Only this option needs a terminal. Relays may end and come back.
      const { watchRelays } = await import('./watch.ts')
      const find = async () => (name === undefined ? findRunning() : findAll(name))
      return watchRelays(find, json === true)
    }
    const stdout = json ? await jsonOf(sockets) : await tablesOf(sockets)
    return print({ stdout, stderr: '', status: STATUS.success })
  })
}

function describe(): Command {
  return describeCommand('show', 'Shows the peers, counters and problems of relays.')
    .argument(...NAME_OR_ALL)
    .option('--json', 'print one JSON object per relay and line')
    .option('--watch', 'refresh every second; Ctrl-C ends it')
    .addHelpText('after', '\nRates are measured for half a second, with --watch for one.')
}

async function jsonOf(sockets: readonly RelaySocket[]): Promise<string> {
  const snapshots = await Promise.all(sockets.map(async (socket) => requestAt(socket, 'show')))
  return snapshots.map((snapshot) => `${JSON.stringify(snapshot)}\n`).join('')
}

async function tablesOf(sockets: readonly RelaySocket[]): Promise<string> {
  const { formatSnapshot } = await import('../control/view.ts')
  const tables = await Promise.all(
    sockets.map(async ({ path }) => {
      const client = await ControlClient.connect(path)
      try {
        const before = await take(client)
        await delay(SAMPLE_MS)
        return formatSnapshot({ now: await take(client), before })
      } finally {
        client.close()
      }
    }),
  )
  return tables.map((lines) => `${lines.join('\n')}\n`).join('\n')
}

async function take(client: ControlClient): Promise<Snapshot> {
  return (await client.request('show')) as Snapshot
}
