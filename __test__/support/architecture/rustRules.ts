import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesIn } from './files.ts'
import { codeOf, internalPaths } from './rustPaths.ts'

/**
 * The modules that each module of the core may use in addition to itself; `room::module` permits that
 * submodule only.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  error: [],
  advice: ['sys'],
  errno: [],
  backoff: [],
  counter: [],
  sys: [],
  packet: ['error', 'sys::checksum'],
  device: ['error', 'sys', 'packet'],
  bpf: ['sys', 'packet'],
  udp: ['error', 'advice', 'errno', 'backoff', 'sys', 'packet'],
  namespace: ['error', 'advice', 'sys'],
  netlink: ['error', 'advice', 'sys', 'namespace'],
  persistent: ['error', 'sys', 'namespace', 'device', 'netlink'],
  interface: ['error', 'advice', 'sys', 'device', 'netlink'],
  port: [
    'error',
    'errno',
    'backoff',
    'sys',
    'packet',
    'namespace',
    'device',
    'netlink',
    'interface',
  ],
  capture: ['counter', 'error', 'sys', 'packet'],
  relay: [
    'bpf',
    'capture',
    'counter',
    'error',
    'advice',
    'errno',
    'backoff',
    'sys',
    'packet',
    'namespace',
    'device',
    'udp',
    'netlink',
    'interface',
    'port',
  ],
}

/** Names that the root of the core exports to all modules: its error type. */
const FROM_ROOT = ['Error', 'ErrorCode', 'Result']

/** A word that only some files may contain. */
interface Door {
  word: RegExp
  name: string
  /** Folders whose files may contain it. */
  open: readonly string[]
  /** The folder in which it is checked. */
  watched: string
}

const SYS = ['crate/core/src/sys/', 'crate/node/src/sys/', 'crate/node/sys/']
const DOORS: readonly Door[] = [
  { name: 'unsafe', word: /\bunsafe\b/u, open: SYS, watched: 'crate/' },
  { name: 'rustix', word: /\brustix\b/u, open: SYS, watched: 'crate/' },
  { name: 'neli', word: /\bneli\b/u, open: ['crate/core/src/netlink/'], watched: 'crate/' },
  { name: 'napi', word: /\bnapi(?:_derive)?\b/u, open: [], watched: 'crate/core/' },
  { name: 'libc', word: /\blibc\b/u, open: SYS, watched: 'crate/node/' },
  {
    name: 'a runtime',
    word: /\b(?:Runtime|block_on|spawn_blocking|spawn_future|tokio::spawn)\b/u,
    open: ['crate/node/src/background.rs'],
    watched: 'crate/node/',
  },
  // It would borrow an object that its environment frees while the function still runs.
  {
    name: 'an async method',
    word: /\basync\s+fn\s+\w+\s*(?:<[^>]*>)?\s*\(\s*&[^)]*\bself\b/u,
    open: [],
    watched: 'crate/node/',
  },
]

/** Returns the violations of the rules in the Rust sources under `root`, one line each. */
export function rustProblems(root: string): string[] {
  return filesIn(root, 'crate', '.rs').flatMap((file) => {
    const code = codeOf(readFileSync(join(root, file), 'utf8'))
    return [...doorProblems(file, code), ...roomProblems(file, code), ...lengthProblems(file, code)]
  })
}

function doorProblems(file: string, code: string): string[] {
  // Tests and benches are exempt: they set up objects that no module would.
  if (!file.includes('/src/')) return []
  return DOORS.filter(
    ({ word, open, watched }) =>
      file.startsWith(watched) &&
      !open.some((folder) => file.startsWith(folder)) &&
      word.test(code),
  ).map(({ name, open }) =>
    open.length === 0
      ? `${file}: ${name} may not stand here`
      : `${file}: ${name} may stand only in ${open.join(', ')}`,
  )
}

function roomProblems(file: string, code: string): string[] {
  const module = moduleOf(file)
  const [room] = module
  if (room === undefined) return []
  const allowed = ROOMS[room]
  if (!allowed) return [`${file}: ${room} is no known room; say what it may use (rustRules.ts)`]
  const used = internalPaths(code, module).map(([, ...path]) => path)
  const wrong = used.filter((path) => !mayUse(room, allowed, path)).map((path) => path.join('::'))
  return [...new Set(wrong)].map((path) => `${file}: ${room} may not use ${path}`)
}

/**
 * The places where the bridge takes values from JavaScript: the fields of an object, the parameters of a
 * function, and a call.
 */
const TAKEN: readonly RegExp[] = [
  /#\[napi\(object(?![^\]]*object_from_js = false)[^\]]*\)\][^{;]*?struct \w+[^{;]*\{(?<taken>[^}]*)\}/gu,
  /\bpub (?:async )?fn \w+[^(]*\((?<taken>[^)]*)\)/gu,
  /\blet [^;=]*:(?<taken>[^;=]*)=\s*call\.get\(/gu,
]

/** A `Vec` from JavaScript reserves memory for the length that the array claims, which can end the process. */
function lengthProblems(file: string, code: string): string[] {
  if (!file.startsWith('crate/node/src/')) return []
  const taken = TAKEN.flatMap((place) => [...code.matchAll(place)])
  const isUnbounded = taken.some(({ groups }) => /\bVec</u.test(groups?.['taken'] ?? ''))
  return isUnbounded
    ? [`${file}: an array from JavaScript may be read as sys::list::List only`]
    : []
}

/** Returns the module path of a file of the core: `['relay', 'setup']`; empty for the core's root and other crates. */
function moduleOf(file: string): string[] {
  const inside = /^crate\/core\/src\/(?<path>.+)\.rs$/u.exec(file)?.groups?.['path']
  const module = inside?.split('/') ?? []
  return module.at(-1) === 'mod' || inside === 'lib' ? module.slice(0, -1) : module
}

function mayUse(room: string, allowed: readonly string[], path: readonly string[]): boolean {
  const [first = '', second = ''] = path
  if (first === room) return true
  if (FROM_ROOT.includes(first)) return allowed.includes('error')
  return allowed.includes(first) || allowed.includes(`${first}::${second}`)
}
