// `scripts/soak.sh [SECONDS]`: the soak as a program. Ends with a line `N passed, N failed`, counting the relays
// whose counters were compared with the kernel's, and the failures.
import { soak } from './soak.ts'

const [seconds = '600'] = process.argv.slice(2)
if (!/^\d{2,6}$/u.test(seconds)) {
  process.stderr.write(`Invalid SECONDS "${seconds}": expected a whole number from 10 to 999999\n`)
  process.exit(2)
}
const report = await soak(Number(seconds), (text) => process.stderr.write(`soak: ${text}\n`))
for (const [address, counts] of Object.entries(report.hosts)) {
  process.stderr.write(`soak: ${address}: ${JSON.stringify(counts)}\n`)
}
const { flaps, restarts, kills, problems, accounts } = report
process.stderr.write(`soak: ${flaps} flaps, ${restarts} restarts, ${kills} kills\n`)
for (const problem of problems) process.stdout.write(`FAIL soak: ${problem}\n`)
process.stdout.write(`${accounts} passed, ${problems.length} failed\n`)
process.exit(problems.length === 0 ? 0 : 1)
