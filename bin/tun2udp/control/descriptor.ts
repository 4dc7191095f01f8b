import type { Socket } from 'node:net'

/** The part of libuv's handle that Node does not document, but has had since its beginning. */
interface Handle {
  readonly fd: number
  readonly readStop: () => void
}

function handleOf(socket: Socket): Handle | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Handle | null }
  return handle ?? undefined
}

/** Returns the descriptor of an open socket; -1 if it is closed. */
export function descriptorOf(socket: Socket): number {
  return handleOf(socket)?.fd ?? -1
}

/** Stops Node from reading. Bytes that arrive later stay in the kernel. */
export function stopReading(socket: Socket): void {
  handleOf(socket)?.readStop()
}
