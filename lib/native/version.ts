/** The version of this package. A bundle has no `package.json` to read it from; a test compares both. */
export const VERSION = '0.1.0'
