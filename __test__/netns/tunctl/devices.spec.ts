import { sameTest } from '../../support/tunctl.ts'

for (const line of [
  // Names: truncated, refused, templates.
  'tunctl -t abcdefghijklmno',
  'tunctl -t abcdefghijklmnop',
  'tunctl -t abcdefghijklmnopqrstuvwxyz0123456789',
  'tunctl -d abcdefghijklmnopqrstuvwxyz',
  'tunctl -t abcdefghijklm%d',
  'tunctl -t abcdefghijklmn%d',
  'tunctl -t vpn%d; tunctl -t vpn%d; tunctl -bt vpn%d',
  'tunctl -d vpn%d',
  'tunctl -t %d',
  'tunctl -t a%db',
  'tunctl -t a%s',
  'tunctl -t a%%d',
  'tunctl -t %d%d',
  'tunctl -t a%',
  'tunctl -t .',
  'tunctl -t ..',
  'tunctl -t ...',
  'tunctl -t a/b',
  'tunctl -t a:b',
  'tunctl -t "a b"',
  "tunctl -t 'a\"b'",
  'tunctl -t "a\'b"',
  'tunctl -t tün0; ip link show tün0 >/dev/null',
  'tunctl -t "$(printf \'a\\240b\')"',
  'tunctl -bt "$(printf \'a\\377b\')"',
  'tunctl -t "$(printf \'abcdefghijklmn\\303\\244\')"',
  'tunctl -t "$(printf \'a\\001b\')"',
  'tunctl; tunctl; tunctl -b; tunctl -d tap1; tunctl',
  // Created again: owners and groups that remain, and that do not.
  'tunctl -t t -u 5 -g 6; tunctl -t t',
  'tunctl -t t -u 5; tunctl -t t -g 7',
  'tunctl -t t -g 7; tunctl -t t -u 5',
  'tunctl -t t -u 5; tunctl -t t -u 6',
  'tunctl -t t; tunctl -d t; tunctl -d t',
  'tunctl -t t; tunctl -d t; tunctl -t t -u 9',
]) {
  sameTest(line)
}

for (const [before, line] of [
  // Devices of other kinds, and other flags.
  [':', 'tunctl -t lo'],
  [':', 'tunctl -d lo'],
  ['ip tuntap add t mode tun', 'tunctl -t t'],
  ['ip tuntap add t mode tun', 'tunctl -d t'],
  ['ip tuntap add t mode tap', 'tunctl -t t'],
  ['ip tuntap add t mode tap', 'tunctl -d t'],
  ['ip tuntap add t mode tap user 7 group 8', 'tunctl -t t'],
  ['ip tuntap add t mode tap user 7 group 8', 'tunctl -t t -g 9'],
  ['ip tuntap add t mode tap multi_queue', 'tunctl -t t'],
  ['ip tuntap add t mode tap multi_queue', 'tunctl -d t'],
  ['ip tuntap add t mode tap vnet_hdr pi', 'tunctl -t t'],
  ['ip tuntap add t mode tap vnet_hdr', 'tunctl -d t'],
  ['ip link add name t type bridge', 'tunctl -t t'],
  ['ip link add name t type bridge', 'tunctl -d t'],
  ['ip link add name t type veth peer name u', 'tunctl -t t'],
  ['ip tuntap add t mode tap; ip link set dev t up mtu 1400 alias x', 'tunctl -t t -u 5'],
  ['ip tuntap add t mode tap; ip link set dev t up', 'tunctl -d t'],
  ['ip tuntap add t0 mode tap', 'tunctl -t t%d'],
  // A device by another name.
  [
    'ip tuntap add t mode tap; ip link property add dev t altname another-name',
    'tunctl -t another-name; tunctl -bt another-name -u 5',
  ],
  ['ip tuntap add t mode tap; ip link property add dev t altname other', 'tunctl -d other'],
  [
    'ip tuntap add t mode tap; ip link property add dev t altname a-name-that-is-too-long',
    'tunctl -t a-name-that-is-too-long',
  ],
] as const) {
  sameTest(line, { before })
}

/** A process that holds the device until the case ends. */
const hold = (device: string) => `
socat -u ${device} - >/dev/null 2>&1 &
until grep -q "iff:.t" /proc/$!/fdinfo/* 2>/dev/null; do sleep 0.01; done`

for (const [device, line] of [
  ['TUN,tun-name=t,tun-type=tap,iff-no-pi', 'tunctl -t t'],
  ['TUN,tun-name=t,tun-type=tap,iff-no-pi', 'tunctl -d t'],
  ['TUN,tun-name=t,tun-type=tap,iff-no-pi', 'tunctl -t t -u 5'],
  ['TUN,tun-name=t,tun-type=tun,iff-no-pi', 'tunctl -t t'],
  ['TUN,tun-name=t,tun-type=tap,iff-no-pi', 'tunctl -t t%d'],
] as const) {
  sameTest(line, { before: hold(device) })
}

for (const [before, line] of [
  // The clone device: missing, another file, another place.
  ['mount -t tmpfs none /dev/net', 'tunctl'],
  ['mount -t tmpfs none /dev/net', 'tunctl -d t'],
  ['mount -t tmpfs none /dev/net', 'tunctl -x'],
  ['mount -t tmpfs none /dev/net; mknod /dev/net/tun c 10 199', 'tunctl'],
  ['mount -t tmpfs none /mnt; mknod /mnt/tun c 10 200', 'tunctl -f /mnt/tun -t t'],
  ['mount -t tmpfs none /mnt; mknod /mnt/tun c 10 200', 'cd /mnt && tunctl -ftun -dt'],
  ['mount -t tmpfs none /mnt; ln -s /mnt/a /mnt/a', 'tunctl -f /mnt/a'],
  ['mount -t tmpfs none /mnt; mkfifo /mnt/a', 'tunctl -f /mnt/a'],
  [
    'mount -t tmpfs none /mnt; mknod /mnt/tun c 10 200; mount -o remount,ro,nodev /mnt',
    'tunctl -f /mnt/tun',
  ],
  ['mount -t tmpfs none /mnt; : >/mnt/a; mount -o remount,ro /mnt', 'tunctl -f /mnt/a'],
  [':', 'tunctl -f /nowhere/tun'],
  [':', 'tunctl -f "$(printf \'/no\\377where\')"'],
  [':', 'tunctl -f /dev/net'],
  [':', 'tunctl -f /dev/null'],
  [':', 'tunctl -f /etc/passwd/x'],
  [':', 'tunctl -f "/$(printf %5000s x)"'],
  [':', 'tunctl -f /proc/version'],
] as const) {
  sameTest(line, { before })
}
