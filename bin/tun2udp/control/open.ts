import type { Relay } from '../../../index.ts'
import { messageOf } from '../../../lib/errors.ts'
import { untilFree } from '../untilFree.ts'
import { defaultPath } from './path.ts'
import type { ProgramParts } from './method.ts'
import type { ControlServer } from './server.ts'

/** Where the control socket is. */
export interface Place {
  /** The path of `--control`. */
  readonly control: string | undefined
  /** The name of the interface, if it is known before the start. */
  readonly name: string | undefined
  /** Whether a process that is about to end may still have the path. */
  readonly isTakeover: boolean
}

/** The control socket of the program, if it has one. */
export class Control {
  readonly #parts: ProgramParts
  readonly #isTakeover: boolean
  #server: ControlServer | undefined
  #isTried = false

  private constructor(parts: ProgramParts, isTakeover: boolean) {
    this.#parts = parts
    this.#isTakeover = isTakeover
  }

  /**
   * Opens the socket at the path of `--control`, or at the default one if the name of the interface is known. Otherwise it
   * is opened by {@link serve}. The default socket is optional: a failure is a notice.
   *
   * @throws {TunError} the path of `--control` cannot be used.
   */
  static async open(place: Place, parts: ProgramParts): Promise<Control> {
    const control = new Control(parts, place.isTakeover)
    if (place.control !== undefined) await control.#listen(place.control)
    // `%d` stands for a number that is not known yet.
    else if (place.name?.includes('%') === false) await control.#listenAtDefault(place.name)
    return control
  }

  /** Sets the relay, which is ready. */
  async serve(relay: Relay): Promise<void> {
    if (!this.#server && !this.#isTried) await this.#listenAtDefault(relay.info.interface.name)
    this.#server?.serve(relay)
  }

  /** Removes the socket. The connections of clients that wait for the end of the process stay open until then. */
  async close(): Promise<void> {
    await this.#server?.close()
  }

  async #listenAtDefault(name: string): Promise<void> {
    this.#isTried = true
    try {
      const path = defaultPath(name)
      if (path !== undefined) await this.#listen(path)
    } catch (error) {
      const message = `${messageOf(error)}; the relay runs without a control socket`
      this.#parts.output.notice({ kind: 'control', message })
    }
  }

  async #listen(path: string): Promise<void> {
    // Only a relay with a control socket needs the server.
    const { ControlServer } = await import('./server.ts')
    const open = async () => ControlServer.listen(path, this.#parts)
    this.#server = await (this.#isTakeover ? untilFree(open) : open())
  }
}
