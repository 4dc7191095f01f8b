import { setTimeout as delay } from 'node:timers/promises'
import { codeOf } from '../../lib/errors.ts'

/** How often a server is opened again whose address a process that has just ended still uses, and the pause between. */
const ATTEMPTS = 20
const PAUSE_MS = 50

/** Opens a server, several times if its address is in use. */
export async function untilFree<T>(open: () => Promise<T>): Promise<T> {
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    try {
      return await open()
    } catch (error) {
      if (codeOf(error) !== 'ERR_TUN_ADDRESS_IN_USE') throw error
      await delay(PAUSE_MS)
    }
  }
  return open()
}
