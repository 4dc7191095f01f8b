// `scripts/soak-peers.sh [SECONDS]`: the soak of peers as a program. Ends with a line `N passed, N failed`, counting the
// comparisons of counters and the failures.
import { soakPeers } from './peers.ts'

const [seconds = '600'] = process.argv.slice(2)
if (!/^\d{2,6}$/u.test(seconds)) {
  process.stderr.write(`Invalid SECONDS "${seconds}": expected a whole number from 10 to 999999\n`)
  process.exit(2)
}
const report = await soakPeers(Number(seconds), (text) => process.stderr.write(`soak: ${text}\n`))
const { changes, sent, echoed, before, after, problems, accounts } = report
process.stderr.write(`soak: changes ${JSON.stringify(changes)}\n`)
process.stderr.write(`soak: ${sent} packets, ${echoed} echoes\n`)
process.stderr.write(`soak: at first ${JSON.stringify(before)}\n`)
process.stderr.write(`soak: at the end ${JSON.stringify(after)}\n`)
for (const problem of problems) process.stdout.write(`FAIL soak: ${problem}\n`)
process.stdout.write(`${accounts} passed, ${problems.length} failed\n`)
process.exit(problems.length === 0 ? 0 : 1)
