import type { NativePeerProcess } from '#binding'
import { rethrown } from '../errors.ts'
import { loadNative } from './native.ts'

/** The process at the other end of a Unix connection. */
export type PeerProcess = NativePeerProcess

/** Functions on connections by their descriptors, for programs only. */
export interface Connections {
  /** Returns the process at the other end of a Unix connection when the connection was made (`SO_PEERCRED`). */
  readonly peerProcess: (fd: number) => PeerProcess
  /** Returns a new descriptor of the same open file. The caller must close it. */
  readonly duplicate: (fd: number) => number
}

/**
 * Loads the functions.
 *
 * @throws {TunError} `ERR_TUN_NATIVE_LOAD`.
 */
export async function loadConnections(): Promise<Connections> {
  const native = await loadNative()
  return {
    peerProcess: (fd) => rethrown(() => native.peerProcess(fd)),
    duplicate: (fd) => rethrown(() => native.duplicateDescriptor(fd)),
  }
}
