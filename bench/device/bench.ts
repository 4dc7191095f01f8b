/**
 * Devices in JavaScript against loops in C and other packages of npm: `npm run bench:device [-- OPTIONS]`.
 *
 * ../README.md describes how it is built, and the meaning of its figures.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { missingPrivilege } from '../lane/namespace.ts'
import { buildTools } from '../native/tools.ts'
import { commitOf, machine, versions } from '../run/machine.ts'
import { type Plan, drain, flood, rtt, tcp } from './figures.ts'
import { npmPackages } from './npm.ts'
import { deviceReport } from './report.ts'
import { type DeviceResults, FORMAT, type Measured } from './results.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FULL: Plan = { rounds: 9, seconds: 2, floodSeconds: 60 }
const QUICK: Plan = { rounds: 3, seconds: 1, floodSeconds: 10 }
const FIGURES = ['drain64', 'drain1400', 'echo64', 'npm64', 'rtt', 'tcp', 'flood'] as const

const command = new Command('npm run bench:device --')
  .description('Measures devices in JavaScript, in network namespaces. Needs root.')
  .allowExcessArguments(false)
  .option('--quick', 'few and short rounds: under 3 minutes')
  .option('--figures <list>', `only these of ${FIGURES.join(',')}`, FIGURES.join(','))
  .option('--out <directory>', 'where the results go', 'dist/bench')
const argv = process.argv.slice(2)
const flags = command
  .parse(argv, { from: 'user' })
  .opts<{ quick?: true; figures: string; out: string }>()
const privilege = missingPrivilege()
if (privilege !== undefined) command.error(privilege)
const wanted = flags.figures.split(',')
const unknown = wanted.find((id) => !FIGURES.some((figure) => figure === id))
if (unknown !== undefined) command.error(`"${unknown}" is none of ${FIGURES.join(', ')}`)

const plan = flags.quick ? QUICK : FULL
const tools = await buildTools()
const { appium, missing } = await npmPackages()
const context = { tools, appium }
const figures: Measured[] = []
for (const id of FIGURES) {
  if (!wanted.includes(id)) continue
  if (id === 'rtt') figures.push(await rtt(context, plan))
  else if (id === 'tcp') figures.push(await tcp(plan))
  else if (id === 'flood') figures.push(...(await flood(context, plan)))
  else figures.push(await drain(context, plan, id))
}
const results: DeviceResults = {
  format: FORMAT,
  date: new Date().toISOString(),
  commit: await commitOf(ROOT),
  command: argv.join(' '),
  machine: machine(),
  versions: await versions(),
  rounds: plan.rounds,
  missing,
  figures,
}
mkdirSync(flags.out, { recursive: true })
writeFileSync(join(flags.out, 'device.json'), `${JSON.stringify(results, null, 1)}\n`)
const page = deviceReport(results)
writeFileSync(join(flags.out, 'device.md'), page)
console.log(page)
