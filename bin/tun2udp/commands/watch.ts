import { isatty } from 'node:tty'
import { ControlClient } from '../control/client.ts'
import { wrapProblem } from '../control/columns.ts'
import type { RelaySocket } from '../control/path.ts'
import type { Snapshot } from '../control/snapshot.ts'
import { formatSnapshot } from '../control/view.ts'
import { describeError } from '../failure.ts'
import { type Sink, openSink } from '../sink.ts'
import { STATUS } from '../status.ts'

/** The time between two refreshes, milliseconds. */
const PERIOD_MS = 1000

/** How long the last bytes may wait for a slow reader, milliseconds. */
const FLUSH_MS = 1000

/** Sequences of terminals (ECMA-48, and xterm's second screen). */
const ENTER = '\u001B[?1049h\u001B[?25l'
const LEAVE = '\u001B[?25h\u001B[?1049l'
const HOME = '\u001B[H'
const CLEAR_LINE = '\u001B[K'
const CLEAR_BELOW = '\u001B[J'

/** A relay that is watched, with its last state. */
interface Watched {
  client: ControlClient | undefined
  last: Snapshot | undefined
}

/**
 * Shows the state of relays every second until SIGINT, SIGTERM or SIGHUP, or until the reader of the output is gone. Returns the
 * exit status.
 *
 * @param find returns the sockets to watch at this time.
 */
export async function watchRelays(
  find: () => Promise<readonly RelaySocket[]>,
  isJson: boolean,
): Promise<number> {
  const screen = new Screen(!isJson && isatty(1))
  const relays = new Map<string, Watched>()
  const isEnding = onSignal(['SIGINT', 'SIGTERM', 'SIGHUP']).then(() => true as const)
  for (let hasEnded = false; !hasEnded && !screen.isGone;) {
    const next = new Promise<false>((resolve) => {
      setTimeout(resolve, PERIOD_MS, false)
    })
    // A relay that does not answer does not delay the end.
    const parts = await Promise.race([take(find, relays, isJson), isEnding])
    if (parts === true) break
    screen.show(parts)
    hasEnded = await Promise.race([next, isEnding])
  }
  await screen.end()
  return STATUS.success
}

/** Returns the text of each relay. A failure is a text too. */
async function take(
  find: () => Promise<readonly RelaySocket[]>,
  relays: Map<string, Watched>,
  isJson: boolean,
): Promise<string[]> {
  try {
    const sockets = await find()
    if (sockets.length === 0 && !isJson) return ['no relay is running']
    const parts = await Promise.all(sockets.map(async (socket) => takeOne(socket, relays, isJson)))
    return parts.filter((part) => part !== '')
  } catch (error) {
    return isJson ? [] : [describeError(error)]
  }
}

async function takeOne(
  { name, path }: RelaySocket,
  relays: Map<string, Watched>,
  isJson: boolean,
): Promise<string> {
  const watched = relays.get(path) ?? { client: undefined, last: undefined }
  relays.set(path, watched)
  try {
    watched.client ??= await ControlClient.connect(path)
    const now = (await watched.client.request('show')) as Snapshot
    const before = watched.last?.pid === now.pid ? watched.last : undefined
    watched.last = now
    return isJson ? JSON.stringify(now) : formatSnapshot({ now, before }).join('\n')
  } catch (error) {
    // The relay may have been started again, so it is connected to next time.
    watched.client?.close()
    watched.client = undefined
    return isJson ? '' : `${name}: ${describeError(error)}`
  }
}

/** The output: a screen of a terminal, or text. */
class Screen {
  readonly #sink: Sink = openSink(1)
  readonly #isTerminal: boolean
  #isEntered = false

  constructor(isTerminal: boolean) {
    this.#isTerminal = isTerminal
  }

  /** Whether the reader of the output is gone. */
  get isGone(): boolean {
    return this.#sink.state === 'gone'
  }

  /** Shows texts. A reader that has not yet taken the last ones gets the next ones instead. */
  show(parts: readonly string[]): void {
    if (this.#sink.state !== 'idle' || parts.length === 0) return
    this.#sink.write(this.#isTerminal ? this.#frame(parts.join('\n\n')) : parts.join('\n'))
  }

  /** Restores the terminal. */
  async end(): Promise<void> {
    if (this.#isEntered) this.#sink.write(LEAVE)
    const late = new AbortController()
    const timer = setTimeout(() => {
      late.abort()
    }, FLUSH_MS)
    await this.#sink.flush(late.signal)
    clearTimeout(timer)
  }

  #frame(text: string): string {
    const [columns, rows] = sizeOf(process.stdout)
    const lines = text.split('\n').flatMap((line) => wrapProblem(line, columns))
    // The line feed at the end takes the last row.
    const room = Math.max(1, rows - 1)
    const shown =
      lines.length <= room
        ? lines
        : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines`]
    const start = this.#isEntered ? '' : ENTER
    this.#isEntered = true
    const body = shown.map((line) => `${line.slice(0, columns)}${CLEAR_LINE}`).join('\n')
    return `${start}${HOME}${body}\n${CLEAR_BELOW}`
  }
}

/** Returns columns and rows of a terminal. One without a size, as of script(1), reports 0. */
function sizeOf({ columns, rows }: NodeJS.WriteStream): [columns: number, rows: number] {
  return [columns > 0 ? columns : 80, rows > 0 ? rows : 24]
}

/** Resolves at the first of some signals. Later ones are ignored, so that they do not interrupt the restoring. */
async function onSignal(names: readonly NodeJS.Signals[]): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const name of names) {
      process.on(name, () => {
        resolve()
      })
    }
  })
}
