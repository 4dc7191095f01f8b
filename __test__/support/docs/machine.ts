import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import typescript from 'typescript'
import { OPEN_TO_ALL } from '../nobody.ts'
import { type Ended, Running, cleanEnvironment } from '../program.ts'
import { ROOT } from './root.ts'

/** The time limit of an installation or a compiler on a busy machine. */
export const SLOW_MS = 90_000

/** Users in pages, in addition to those of the system. */
const USERS = { alice: 7101, bob: 7102 }

/**
 * Turns the namespaces of `unshare` into a machine: its own files in `/etc`, `/home` and `/usr/local`, the programs
 * of this package where an installation puts them, and a `sudo` for a user who is already root.
 */
const SETUP = `
mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
mount -t tmpfs tmpfs "$DIRECTORY"
for directory in /etc /home /usr/local; do
  own="$DIRECTORY/own$directory" work="$DIRECTORY/work$directory"
  mkdir -p "$own" "$work"
  mount -t overlay overlay -o "lowerdir=$directory,upperdir=$own,workdir=$work" "$directory"
done
${OPEN_TO_ALL}
mkdir -p "$DIRECTORY/home" /usr/local/bin
$INSTALL
printf '%s' "$SUDO" >/usr/local/bin/sudo && chmod +x /usr/local/bin/sudo
printf '%s' "$PASSWD" >>/etc/passwd
printf '%s' "$GROUP" >>/etc/group
hostname "$HOST"
ip link set lo up
`

/** Links the programs of the clone into the place of an installation, and the Node of the tests. */
const LINK_CLONE = `
for program in tun2udp tunctl; do ln -sf "$ROOT/dist/bin/$program.js" /usr/local/bin/$program; done
ln -sf "$ROOT/dist/bin/tunctl.js" /usr/local/bin/tun2udp-tunctl
ln -sf "$NODE" /usr/local/bin/node
`

/**
 * Mounts Node in /usr/local/bin, where npm also installs the programs of packages, and removes the programs
 * of the clone.
 */
const MOUNT_NODE = `
for name in tun2udp tunctl tun2udp-tunctl node; do rm -f /usr/local/bin/$name; done
: >/usr/local/bin/node && mount --bind "$NODE" /usr/local/bin/node
`

/** The initial state of a machine. */
export interface MachineOptions {
  /** The path of its Node; by default the Node of the tests. */
  readonly node?: string
  /** Whether tun2udp must be installed first; by default the build of the clone is installed. */
  readonly isEmpty?: boolean
  /** Variables of all its commands. */
  readonly env?: Readonly<Record<string, string>>
  /** The time limit of programs that are left running, milliseconds; the default is that of `Running`. */
  readonly programMs?: number
}

const SUDO = `#!/bin/sh
if [ "$1" = -u ]; then
  user=$2
  shift 2
  exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups --inh-caps=-all "$@"
fi
exec "$@"
`

/**
 * A machine as in the pages: it has its own network, processes, host name and files, made of namespaces. It ends
 * with the test, together with everything that runs on it.
 */
export class Machine {
  readonly host: string
  /** Its first process, by the pid on this machine. */
  readonly pid: number
  readonly #left: Running[] = []
  /** Working directory of its commands. */
  directory: string

  readonly #options: MachineOptions

  private constructor(host: string, directory: string, pid: number, options: MachineOptions) {
    this.host = host
    this.directory = directory
    this.pid = pid
    this.#options = options
  }

  static async start(
    t: ExecutionContext,
    host: string,
    options: MachineOptions = {},
  ): Promise<Machine> {
    const directory = mkdtempSync(join(tmpdir(), `tun2udp-${host}-`))
    const entries = Object.entries(USERS)
    const env = cleanEnvironment({
      DIRECTORY: directory,
      ROOT: ROOT.replace(/\/$/u, ''),
      NODE: options.node ?? process.execPath,
      SUDO,
      HOST: host,
      PASSWD: entries
        .map(([name, id]) => `${name}:x:${id}:${id}::/home/${name}:/bin/sh\n`)
        .join(''),
      GROUP: entries.map(([name, id]) => `${name}:x:${id}:\n`).join(''),
    })
    // It ends with its standard input, even if this process is killed.
    const setup = SETUP.replace('$INSTALL', () =>
      options.isEmpty === true ? MOUNT_NODE : LINK_CLONE,
    )
    const script = `set -e\n${setup}\necho started\nexec cat`
    const namespaces = ['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child']
    const child = spawn('unshare', [...namespaces, '--mount-proc', '--', 'bash', '-c', script], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    let heard = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (heard += text))
    t.teardown(async () => {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      rmSync(directory, { recursive: true, force: true })
    })
    while (!heard.includes('started')) {
      if (child.exitCode !== null) throw new Error(`the machine ${host} did not start: ${heard}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    return new Machine(host, join(directory, 'home'), Number(children.trim()), options)
  }

  /** Starts a command; its standard output and error are kept. It is killed after a time limit. */
  start(command: readonly string[], env: Record<string, string> = {}, timeoutMs?: number): Running {
    const { HOME = '/root', PATH = '' } = process.env
    const inside = ['--mount', '--net', '--uts', '--ipc', '--pid', '--']
    const there = ['bash', '-c', 'cd "$0" && exec "$@"', this.directory, ...command]
    const child = spawn('nsenter', ['--target', String(this.pid), ...inside, ...there], {
      env: cleanEnvironment({
        ...{ HOME, PATH: `/usr/local/bin:/usr/sbin:/sbin:${PATH}` },
        ...this.#options.env,
        ...env,
      }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new Running(child, timeoutMs)
  }

  /** Runs a bash script, which must end with status 0, and returns its output. */
  async shell(script: string, timeoutMs?: number): Promise<string> {
    const ended = await this.start(['bash', '-euo', 'pipefail', '-c', script], {}, timeoutMs).ended
    if (ended.status !== 0) throw new Error(failure(`${this.host}: ${script}`, ended))
    return ended.stdout
  }

  /** Starts a command that does not end, and waits until it reports that it is ready. */
  async leave(script: string, ready: RegExp): Promise<Running> {
    const command = ['bash', '-euo', 'pipefail', '-c', `exec ${script}`]
    const running = this.start(command, {}, this.#options.programMs)
    await running.until('stdout', ready)
    this.#left.push(running)
    return running
  }

  /** Ends the programs that were left running, the last one first. */
  async endPrograms(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    for (const running of this.#left.splice(0).reverse()) {
      end(running, signal)
      await running.ended
    }
  }

  /** Writes a file, below the directory of its commands unless the path is absolute. */
  async write(path: string, text: string): Promise<void> {
    const encoded = Buffer.from(text).toString('base64')
    await this.shell(`mkdir -p "$(dirname '${path}')" && base64 -d <<<'${encoded}' >'${path}'`)
  }

  /**
   * Runs the installation of a page. On a machine that has the build of the clone, it only links that build
   * into the directory.
   */
  async install(script: string): Promise<void> {
    if (this.#options.isEmpty === true) {
      await this.shell(script, SLOW_MS)
    } else if (/^(?:sudo npm install -g|npm install) tun2udp\n$/u.test(script)) {
      await this.#linkPackage()
    } else throw new Error(`not an installation of tun2udp: ${script}`)
  }

  /** Writes a program of a page, unchanged, to the file that its first line names: `// FILE`. */
  async save(source: string): Promise<void> {
    const [, file] = /^\/\/ ([\w.-]+\.mjs)\b/u.exec(source) ?? []
    if (file === undefined) throw new Error(`the first line names no file: ${source}`)
    await this.program(file, source)
  }

  /** Writes a program in JavaScript, unchanged. A machine that is not empty has the package for it. */
  async program(file: string, source: string): Promise<void> {
    await this.write(file, source)
    if (this.#options.isEmpty !== true) await this.#linkPackage()
  }

  /** Writes a program that the page declares as TypeScript, as JavaScript. */
  async typescript(file: string, source: string): Promise<void> {
    const { outputText } = typescript.transpileModule(source, {
      compilerOptions: {
        target: typescript.ScriptTarget.ES2022,
        module: typescript.ModuleKind.ESNext,
      },
    })
    await this.program(file, outputText)
  }

  async #linkPackage(): Promise<void> {
    await this.shell(`mkdir -p node_modules && ln -sfn '${ROOT}' node_modules/tun2udp`)
  }

  /** Assigns an address to a host name on this machine. */
  async knows(hosts: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(hosts).map(([name, address]) => `${address} ${name}`)
    await this.shell(`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >>/etc/hosts`)
  }
}

/** Signals a program of a machine to end. It is the child of `nsenter`, which does not pass signals on. */
export function end({ child: { pid } }: Running, signal: NodeJS.Signals = 'SIGTERM'): void {
  const inner = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
  if (inner > 0) process.kill(inner, signal)
}

/** Connects two machines by a cable; each end has its interface and address. */
export async function cable(
  [near, nearName, nearAddress]: [Machine, string, string],
  [far, farName, farAddress]: [Machine, string, string],
): Promise<void> {
  await near.shell(`ip link add ${nearName} type veth peer name cable`)
  // Uses the process ids on this machine, since the machines do not see each other's processes.
  const move = spawn('nsenter', [
    ...['--target', String(near.pid), '--net', '--'],
    ...['ip', 'link', 'set', 'cable', 'name', farName, 'netns', String(far.pid)],
  ])
  await once(move, 'exit')
  await near.shell(`ip addr add ${nearAddress} dev ${nearName} && ip link set ${nearName} up`)
  await far.shell(`ip addr add ${farAddress} dev ${farName} && ip link set ${farName} up`)
}

/** Describes the end of a program, for the message of a test. */
export function failure(what: string, { status, signal, stdout, stderr }: Ended): string {
  return `${what}\nended with ${signal ?? `status ${status}`}\n${stdout}${stderr}`
}
