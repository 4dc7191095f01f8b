/** The exit statuses of the program. */
export const STATUS = { success: 0, failure: 1, usage: 2 } as const

/** The meaning of each exit status, in Markdown, for the manual page and the documents. */
export const STATUS_MEANINGS: ReadonlyMap<number, string> = new Map([
  [STATUS.success, 'SIGINT or SIGTERM ended the program, or it printed the help or the version.'],
  [
    STATUS.failure,
    'The system refused something, or the relay failed. Starting the program again may help. Wrong operands (`Usage: …`, `Invalid address …`, `Invalid port …`) have this status too, unless `NOTIFY_SOCKET` is set.',
  ],
  [
    STATUS.usage,
    'The arguments or the configuration file are wrong. Starting the program again does not help. Wrong operands have this status if `NOTIFY_SOCKET` is set, as systemd sets it.',
  ],
])
