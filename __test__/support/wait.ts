import { setTimeout as sleep } from 'node:timers/promises'

/** Default time limit, and the interval of the checks. */
const LIMIT_MS = 60_000
const INTERVAL_MS = 10

/**
 * Waits until a condition holds. Where a value is compared, `eventually` of gone.ts shows it in a failed test.
 *
 * @param what the condition in words, for the error; a function is called at the failure.
 * @param limitMs milliseconds, by default 60,000.
 * @throws {Error} if the condition does not hold within this time.
 */
export async function untilTrue(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  limitMs: number = LIMIT_MS,
): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > deadline)
      throw new Error(`not in time: ${typeof what === 'string' ? what : what()}`)
    await sleep(INTERVAL_MS)
  }
}
