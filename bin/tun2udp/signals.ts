/** The signals that end the program with status 0. */
const ENDING = ['SIGINT', 'SIGTERM'] as const

/** How often the parent process is checked. */
const PARENT_PERIOD_MS = 500

/**
 * Returns the signal of a controller, which is aborted when the program must end.
 *
 * The listeners stay until the exit: a second Ctrl-C, or the copy that npm forwards, must not interrupt the
 * clean-up.
 */
export function endingSignal(controller: AbortController): AbortSignal {
  const end = () => {
    controller.abort()
  }
  for (const name of ENDING) process.on(name, end)
  // npm forwards SIGINT and SIGTERM, but not SIGHUP, and nothing if it is killed.
  if (process.env['npm_lifecycle_event'] !== undefined) onOrphaned(end)
  return controller.signal
}

/** Calls back for every SIGHUP, which would otherwise end the process. */
export function onHangUp(callback: () => void): void {
  process.on('SIGHUP', callback)
}

/** Calls back for every SIGUSR2. Node uses SIGUSR1 for its debugger. */
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
