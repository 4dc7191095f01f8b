/** The signals that end the program with status 0. */
const ENDING = ['SIGINT', 'SIGTERM'] as const

/** How often the parent is looked at: a person does not notice, a processor neither. */
const PARENT_PERIOD_MS = 500

/**
 * A signal that is aborted when the program is to end.
 *
 * The listeners stay to the last: a second Ctrl-C, or the copy that npm forwards, must not break off the
 * clean-up. SIGKILL still does.
 */
export function endingSignal(): AbortSignal {
  const controller = new AbortController()
  const end = () => {
    controller.abort()
  }
  for (const name of ENDING) process.on(name, end)
  // npm passes SIGINT and SIGTERM on, but not SIGHUP, and nothing at all when it is killed.
  if (process.env['npm_lifecycle_event'] !== undefined) onOrphaned(end)
  return controller.signal
}

/** Calls back for every SIGHUP, which would end the process otherwise. */
export function onHangUp(callback: () => void): void {
  process.on('SIGHUP', callback)
}

/** Calls back for every SIGUSR2; SIGUSR1 is Node's own, for its debugger. */
export function onStatsSignal(callback: () => void): void {
  process.on('SIGUSR2', callback)
}

function onOrphaned(callback: () => void): void {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    callback()
  }, PARENT_PERIOD_MS)
  timer.unref()
}
