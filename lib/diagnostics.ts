import { type Channel, channel } from 'node:diagnostics_channel'
import { debuglog } from 'node:util'
import { messageOf } from './errors.ts'

/** A message of the channels `tun2udp:relay`, `tun2udp:device` and `tun2udp:netlink` of `node:diagnostics_channel`. */
export type Diagnostic<Target, Event> =
  | {
      /** An object was opened, or it is closed and has released everything. */
      readonly type: 'opened' | 'closed'
      /** The name of the interface, or the network namespace of a session. */
      readonly name: string
      readonly target: Target
    }
  | {
      /** An event that is not an error occurred. */
      readonly type: 'event'
      readonly name: string
      /** Absent while the object is being opened, and if that failed. */
      readonly target?: Target
      readonly event: Event
    }
  | {
      /** Opening failed, or the object failed while it was open. */
      readonly type: 'error'
      readonly name: string
      /** Absent if opening failed. */
      readonly target?: Target
      readonly error: unknown
    }

const log = debuglog('tun2udp')

/** Publishes messages on one channel. With `NODE_DEBUG=tun2udp` also writes a line to stderr for each. */
export class Diagnostics<Target, Event extends { readonly kind: string }> {
  readonly #channel: Channel
  readonly #room: string

  constructor(room: 'relay' | 'device' | 'netlink') {
    this.#room = room
    this.#channel = channel(`tun2udp:${room}`)
  }

  publish(message: Diagnostic<Target, Event>): void {
    if (log.enabled) log('%s %s %s%s', this.#room, message.name, message.type, detailOf(message))
    if (this.#channel.hasSubscribers) this.#channel.publish(message)
  }
}

function detailOf(message: Diagnostic<unknown, { kind: string; message?: string }>): string {
  if (message.type === 'event') {
    const { kind, message: text } = message.event
    return text === undefined ? ` ${kind}` : ` ${kind}: ${text}`
  }
  if (message.type !== 'error') return ''
  return `: ${messageOf(message.error)}`
}
