/** The options of the parser: each prints a text and exits. */
export const HELP = { flag: '--help, -h', help: 'print this help' } as const
export const VERSION = { flag: '--version', help: 'print the version' } as const
