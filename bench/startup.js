/**
 * Measures the time of the programs from start to exit, compared with `node -e 0` in the same run: medians of
 * interleaved runs, as Markdown. As root, in a network namespace of its own:
 * `unshare --net node bench/startup.js [ROUNDS]`.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

const program = (name) => fileURLToPath(new URL(`../dist/bin/${name}.js`, import.meta.url))
const node = process.execPath
const rounds = Number(process.argv[2] ?? 40)

/** The program of uml-utilities, where it is installed: what of the time is the kernel's. */
const original = (process.env.PATH ?? '')
  .split(':')
  .map((folder) => `${folder}/tunctl`)
  .find((path) => existsSync(path) && !realpathSync(path).endsWith('.js'))

const COMMANDS = [
  { title: '`node -e 0`', command: [node, '-e', '0'] },
  { title: '`tunctl -t NAME -u USER`', command: [node, program('tunctl'), '-tbench0', '-uroot'] },
  { title: '`tunctl -d NAME`', command: [node, program('tunctl'), '-dbench0'] },
  { title: '`tunctl -x`', command: [node, program('tunctl'), '-x'], status: 1 },
  { title: '`tunctl --list`', command: [node, program('tunctl'), '--list'] },
  { title: '`tun2udp --version`', command: [node, program('tun2udp'), '--version'] },
]
if (original) {
  COMMANDS.push(
    {
      title: '`tunctl -t NAME -u USER` of uml-utilities',
      command: [original, '-tbench0', '-uroot'],
    },
    { title: '`tunctl -d NAME` of uml-utilities', command: [original, '-dbench0'] },
  )
}

/** Milliseconds of one run. */
function time({ command: [file, ...args], status = 0 }) {
  const begin = performance.now()
  const ended = spawnSync(file, args)
  const end = performance.now()
  if (ended.status !== status) throw new Error(`${args.join(' ')}: ${ended.stderr}`)
  return end - begin
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

for (const entry of COMMANDS) time(entry)
const times = COMMANDS.map(() => [])
for (let round = 0; round < rounds; round++) {
  for (const [index, entry] of COMMANDS.entries()) times[index].push(time(entry))
}
const floor = median(times[0])
console.log(`Node ${process.version}, ${rounds} rounds\n`)
console.log('| command | ms | of `node -e 0` |\n| --- | --- | --- |')
for (const [index, { title }] of COMMANDS.entries()) {
  const ms = median(times[index])
  console.log(`| ${title} | ${ms.toFixed(1)} | ${(ms / floor).toFixed(2)} |`)
}
