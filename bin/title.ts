import { writeFileSync } from 'node:fs'

/**
 * Names this process after its program, where the system would show `node`: in ps(1), top(1), `ss -p` and in
 * messages about the holder of a device.
 *
 * @param args the arguments, which ps(1) shows after the name.
 */
export function nameProcess(program: string, args: readonly string[]): void {
  process.title = [program, ...args].join(' ')
  try {
    // The first 15 bytes of the title are the name of the command now, and they may end in an argument.
    writeFileSync('/proc/self/comm', program)
  } catch {
    // Without /proc, the arguments are left out, so that the title is only the name.
    process.title = program
  }
}
