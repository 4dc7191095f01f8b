import { sameTest } from '../../support/tunctl.ts'

for (const line of [
  // The output is closed, full, or has no reader: the device is created or removed nevertheless.
  'tunctl -t t >&-',
  'tunctl -bt t >&-',
  'tunctl -t t; tunctl -d t >&-',
  'tunctl -t t <&- >&-',
  'tunctl -t t <&- >&- 2>&-',
  'tunctl -t t >/dev/full',
  'tunctl -d t >/dev/full',
  'tunctl -bt t >/dev/full',
  'tunctl -x 2>&-',
  'tunctl -x 2>/dev/full',
  'tunctl -t a/b 2>&-',
  'tunctl -f /nowhere 2>/dev/full',
  'tunctl -x >&-',
  'tunctl -u nosuch <&- 2>/dev/full',
]) {
  sameTest(line)
}

/** Descriptor 9 is a pipe without a reader. */
const BROKEN = 'mkfifo "$left/pipe"; exec 8<>"$left/pipe" 9>"$left/pipe" 8>&-'

for (const line of [
  'tunctl -t t >&9',
  'tunctl -bt t >&9',
  'tunctl -d t >&9',
  'tunctl -x 2>&9',
  'tunctl -t a/b 2>&9',
  'tunctl -x >&9',
]) {
  sameTest(line, { before: BROKEN })
}

// The streams are redirected to files, and both to one file.
sameTest('tunctl -t t >"$left/x" 2>&1; tunctl -x >>"$left/x" 2>&1; cat "$left/x"; rm "$left/x"')
sameTest('tunctl -t t | cat; tunctl -t t -x 2>&1 | cat')
sameTest('set -- "$(tunctl -b)"; ip link set "$1" up && tunctl -d "$1"')
