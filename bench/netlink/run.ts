/**
 * `npm run bench:netlink [-- ROUNDS]`: 10,000 addresses added, and 10,000 routes listed, by this
 * package, pyroute2, vishvananda/netlink and `ip -batch`, in turn, each in a network namespace of its
 * own. Needs root, iproute2, python3 and go. Each measures its task without its own start, except
 * ip(8), which a program that uses it starts each time. A list ends with its objects in the program's
 * memory: the output of ip is read and parsed, and in a second variant discarded.
 */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'

const COUNT = 10_000
const HERE = fileURLToPath(new URL('.', import.meta.url))
const CACHE = fileURLToPath(new URL('../.cache/netlink/', import.meta.url))

type Task = 'addresses' | 'routes'

const numbers = Array.from({ length: COUNT }, (_, index) => index + 1)
const host = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}/32`

const BATCHES: Readonly<Record<Task, string>> = {
  addresses: numbers.map((n) => `address add ${host(n)} dev lo\n`).join(''),
  routes: numbers.map((n) => `route add ${host(n)} dev lo\n`).join(''),
}

const LIST = 'route show\n'

/** Runs ip(8) in a namespace and gives what it prints. */
function ip(namespace: string, args: readonly string[], input = ''): string {
  return execFileSync('ip', ['-n', namespace, ...args], {
    input,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  })
}

/** The same, whose output is discarded. */
function ipUnread(namespace: string, args: readonly string[], input: string): void {
  execFileSync('ip', ['-n', namespace, ...args], { input, stdio: ['pipe', 'ignore', 'inherit'] })
}

function milliseconds(task: () => void): number {
  const start = process.hrtime.bigint()
  task()
  return Number(process.hrtime.bigint() - start) / 1e6
}

/** Runs a program in a namespace; gives the milliseconds that it prints. */
function run(namespace: string, ...command: string[]): number {
  const args = ['netns', 'exec', namespace, ...command]
  return Number(execFileSync('ip', args, { encoding: 'utf8' }))
}

const CONTENDERS: Readonly<Record<string, (namespace: string, task: Task) => number>> = {
  tun2udp: (namespace, task) =>
    run(namespace, process.execPath, `${HERE}ours.js`, task, String(COUNT)),
  pyroute2: (namespace, task) =>
    run(namespace, `${CACHE}venv/bin/python`, `${HERE}pyroute2_task.py`, task, String(COUNT)),
  'vishvananda/netlink': (namespace, task) =>
    run(namespace, `${CACHE}go-task`, task, String(COUNT)),
  'ip -batch': (namespace, task) =>
    milliseconds(() => {
      if (task === 'addresses') ip(namespace, ['-batch', '-'], BATCHES.addresses)
      else JSON.parse(ip(namespace, ['-4', '-j', '-batch', '-'], LIST))
    }),
  'ip -batch, unread': (namespace, task) =>
    milliseconds(() => {
      if (task === 'addresses') ipUnread(namespace, ['-batch', '-'], BATCHES.addresses)
      else ipUnread(namespace, ['-4', '-batch', '-'], LIST)
    }),
}

/** Runs a contender once, in a namespace that is made ready for its task. */
function race(name: string, task: Task): number {
  const namespace = `bench-${randomBytes(5).toString('hex')}`
  execFileSync('ip', ['netns', 'add', namespace])
  try {
    ip(namespace, ['link', 'set', 'lo', 'up'])
    if (task === 'routes') ip(namespace, ['-batch', '-'], BATCHES.routes)
    return CONTENDERS[name]?.(namespace, task) ?? Number.NaN
  } finally {
    execFileSync('ip', ['netns', 'delete', namespace])
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const rounds = Number(process.argv[2] ?? 5)
for (const task of ['addresses', 'routes'] as const) {
  const times = Object.keys(CONTENDERS).map((name) => ({ name, values: [] as number[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { name, values } of times) values.push(race(name, task))
  }
  const ours = median(times[0]?.values ?? [])
  const what = task === 'addresses' ? 'addresses added' : 'routes listed'
  console.log(`${COUNT} ${what}, median of ${rounds}`)
  for (const { name, values } of times) {
    const time = median(values)
    const all = values.map((value) => value.toFixed(0)).join(' ')
    console.log(
      `  ${name.padEnd(20)} ${time.toFixed(1).padStart(8)} ms  ${(time / ours).toFixed(2)}×  (${all})`,
    )
  }
}
