/** Shell commands that give a mount namespace a clone device of the usual mode, whatever this system's has. */
export const OPEN_TO_ALL = 'mount -t tmpfs none /dev/net; mknod -m 666 /dev/net/tun c 10 200'

const SETPRIV =
  'setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all'

/** The command run as nobody and without a capability, where anybody may open the clone device. */
export function asNobody(...command: readonly string[]): string[] {
  return [
    'unshare',
    '--mount',
    'sh',
    '-ec',
    `${OPEN_TO_ALL}; exec ${SETPRIV} "$@"`,
    'sh',
    ...command,
  ]
}
