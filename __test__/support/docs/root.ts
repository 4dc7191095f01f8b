import { fileURLToPath } from 'node:url'

/** The directory of the tree, with `/` at its end. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
