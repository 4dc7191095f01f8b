import { OPEN_TO_ALL } from '../../support/nobody.ts'
import { sameTest } from '../../support/tunctl.ts'

for (const line of [
  'tunctl -t t -u root',
  'tunctl -t t -u nobody',
  'tunctl -t t -g nogroup',
  'tunctl -t t -u nobody -g daemon',
  'tunctl -u nosuchuser',
  'tunctl -g nosuchgroup',
  'tunctl -u nogroup',
  'tunctl -u Root',
  'tunctl -u "root "',
  'tunctl -u root:root',
  'tunctl -u "a\'b"',
  'tunctl -u "$(printf \'\\377x\')"',
  "tunctl -u 'ä'",
  'tunctl -u "$(printf \'%5000s\' x)"',
]) {
  sameTest(line)
}

/** Separate databases of users and groups for the case. */
const DATABASES = `
mount -t tmpfs none /mnt
cp /etc/passwd /etc/group /mnt
printf '%s\\n' 77:x:4077:4078::/: nowhere:x:4294967295:5::/: big:x:4294967290:5::/: \
  'two words:x:88:88::/:' "$(printf 'l\\344tin'):x:99:99::/:" >>/mnt/passwd
printf '%s\\n' 77:x:4079: nowhere:x:4294967295: >>/mnt/group
mount --bind /mnt/passwd /etc/passwd
mount --bind /mnt/group /etc/group`

for (const line of [
  // A name of digits is looked up before it is interpreted as a number.
  'tunctl -t t -u 77 -g 77',
  'tunctl -t t -u 077 -g +77',
  'tunctl -t t -u nowhere',
  'tunctl -t t -g nowhere',
  'tunctl -t t -u big',
  "tunctl -t t -u 'two words'",
  'tunctl -t t -u "$(printf \'l\\344tin\')"',
  'tunctl -t t -u lätin',
]) {
  sameTest(line, { before: DATABASES })
}

// Machines whose name service returns nothing.
sameTest('tunctl -t t -u root; tunctl -t t -u 5', {
  before: 'mount --bind /dev/null /etc/passwd',
})

const isUnprivileged = true
for (const [line, before] of [
  ['as_nobody tunctl -t t', undefined],
  ['as_nobody tunctl -d t', undefined],
  ['as_nobody tunctl -x', undefined],
  ['as_nobody tunctl -t t', 'ip tuntap add t mode tap user nobody'],
  ['as_nobody tunctl -bt t', 'ip tuntap add t mode tap user nobody'],
  ['as_nobody tunctl -d t', 'ip tuntap add t mode tap user nobody'],
  ['as_nobody tunctl -t t', 'ip tuntap add t mode tap user 1'],
  ['as_nobody tunctl -d t', 'ip tuntap add t mode tap user 1'],
  ['as_nobody tunctl -t t', 'ip tuntap add t mode tap group nogroup'],
  ['as_nobody tunctl -d t', 'ip tuntap add t mode tap user nobody group nogroup'],
  ['as_nobody tunctl -t t', 'ip tuntap add t mode tap'],
  ['as_nobody tunctl -t t -u root; as_nobody tunctl -d t', 'ip tuntap add t mode tap user nobody'],
  ['as_nobody tunctl -t t -g 5; tunctl -t t', 'ip tuntap add t mode tap user nobody'],
  ['as_nobody tunctl', 'chmod 600 /dev/net/tun'],
  ['as_nobody tunctl -f /mnt/x/tun', 'mount -t tmpfs none /mnt; mkdir -m 700 /mnt/x'],
  ['as_nobody tunctl -f /etc/passwd', undefined],
] as const) {
  const own = before === undefined ? '' : `; ${before}`
  sameTest(line, { before: `${OPEN_TO_ALL}${own}`, isUnprivileged })
}

// A user namespace in which root is the only user.
for (const line of [
  'unshare --user --map-root-user --net tunctl -t t -u 5',
  'unshare --user --map-root-user --net tunctl -t t -g 5',
  'unshare --user --map-root-user --net sh -c "tunctl -t t -u 5; tunctl -t t; ip -d link show t | grep -c tap"',
  'unshare --user --map-root-user --net tunctl -t t',
  'unshare --user --net tunctl -t t',
]) {
  sameTest(line)
}
