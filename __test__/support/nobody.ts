/**
 * Shell commands that create a clone device of the usual mode in a mount namespace, regardless of its mode on
 * this system.
 */
export const OPEN_TO_ALL = 'mount -t tmpfs none /dev/net; mknod -m 666 /dev/net/tun c 10 200'

const SETPRIV =
  'setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all --inh-caps=-all'

/**
 * Runs the command as the user `nobody` without capabilities, in an environment where all users may open the
 * clone device.
 */
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
