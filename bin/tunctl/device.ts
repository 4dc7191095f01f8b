import { type TunctlRequest, type TunctlResult, runTunctl } from '../../lib/persistent/tunctl.ts'
import type { DeviceCommand } from './arguments.ts'

/** The exit status and the output. Texts have one character per byte. */
export interface Ending {
  readonly status: 0 | 1
  readonly stdout: string
  readonly stderr: string
}

type Failure = Extract<TunctlResult, { step: string }>
type Outcome = Exclude<TunctlResult, Failure>

/** Creates or deletes the device. */
export async function runDevice(command: DeviceCommand): Promise<Ending> {
  const result = await runTunctl(toRequest(command))
  if ('step' in result) return { status: 1, stdout: '', stderr: describeFailure(command, result) }
  const describe = command.isJson ? describeJson : describeOutcome
  return { status: 0, stdout: describe(command, result), stderr: '' }
}

function toRequest(command: DeviceCommand): TunctlRequest {
  const { owner, group, netns } = command
  return {
    isTap: !command.isTun,
    isMultiQueue: command.isMultiQueue,
    name: Buffer.from(command.name, 'latin1'),
    cloneDevice: Buffer.from(command.cloneDevice, 'latin1'),
    isDelete: command.action === 'delete',
    ...(owner === -1 ? {} : { owner: owner >>> 0 }),
    ...(group === -1 ? {} : { group: group >>> 0 }),
    ...(netns === undefined ? {} : { netns: Buffer.from(netns, 'latin1').toString() }),
  }
}

/** Describes the result as the program of uml-utilities does. Numbers are signed, as its `int`s are. */
function describeOutcome({ action, isBrief }: DeviceCommand, outcome: Outcome): string {
  const name = Buffer.from(outcome.name).toString('latin1')
  if (action === 'delete') return `Set '${name}' nonpersistent\n`
  if (isBrief) return `${name}\n`
  const owner = outcome.owner === undefined ? '' : ` uid ${outcome.owner | 0}`
  const group = outcome.group === undefined ? '' : ` gid ${outcome.group | 0}`
  return `Set '${name}' persistent and owned by${owner}${group}\n`
}

function describeJson(command: DeviceCommand, outcome: Outcome): string {
  const text = JSON.stringify({
    name: Buffer.from(outcome.name).toString(),
    mode: command.isTun ? 'tun' : 'tap',
    persistent: command.action === 'create',
    owner: outcome.owner,
    group: outcome.group,
  })
  return `${Buffer.from(text).toString('latin1')}\n`
}

function describeFailure({ cloneDevice }: DeviceCommand, { step, reason }: Failure): string {
  const what = {
    open: `Failed to open '${cloneDevice}' : `,
    attach: 'TUNSETIFF: ',
    persist: 'TUNSETPERSIST: ',
  }[step]
  return `${what}${reason}\n`
}
