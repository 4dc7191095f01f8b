/** Text that a program prints before it exits. */
export interface Printed {
  readonly stdout: string
  readonly stderr: string
  readonly status: number
}

/** Prints texts. Returns the exit status once both are written or their readers are gone. */
export async function print({ stdout, stderr, status }: Printed): Promise<number> {
  for (const [stream, text] of [
    [process.stdout, stdout],
    [process.stderr, stderr],
  ] as const) {
    stream.on('error', () => undefined)
    // Calls back once the text is written or the reader is gone.
    if (text !== '') await new Promise((resolve) => stream.write(text, resolve))
  }
  return status
}
