/** The longest path of a Unix socket: `sun_path` of unix(7) without its end, bytes. */
export const PATH_BYTES_MAX = 107

/** Returns whether a path can be that of a Unix socket. */
export function fitsSocket(path: string): boolean {
  return path !== '' && !path.includes('\0') && Buffer.byteLength(path) <= PATH_BYTES_MAX
}
