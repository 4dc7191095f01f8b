import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import { eventually } from '../../support/gone.ts'
import { PROGRAM, Running, cleanEnvironment, runProgram } from '../../support/program.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'
import { TakeoverTunnel } from '../../support/takeover.ts'
import { untilTrue } from '../../support/wait.ts'

const MANAGER = fileURLToPath(new URL('../../support/manager.py', import.meta.url))

/** A service manager that does what systemd does, and a tunnel whose near end is its service. */
class Service {
  readonly tunnel: TakeoverTunnel
  readonly #manager: Running
  #seen = 0

  private constructor(tunnel: TakeoverTunnel, manager: Running) {
    this.tunnel = tunnel
    this.#manager = manager
  }

  static async open(t: ExecutionContext): Promise<Service> {
    const tunnel = await TakeoverTunnel.open(t)
    const socket = join(dirname(tunnel.control), 'notify')
    const command = [process.execPath, PROGRAM, ...tunnel.args, '--queues', '2']
    const child = spawn('python3', [MANAGER, socket, ...command], {
      env: cleanEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    t.teardown(async () => {
      child.stdin.end('end\n')
      await manager.ended
    })
    const manager = new Running(child, 120_000)
    return new Service(tunnel, manager)
  }

  /** Gives a command. */
  say(command: 'start' | 'kill' | 'term' | 'foreign'): void {
    this.#seen = this.#manager.stdout.length
    this.#manager.child.stdin?.write(`${command}\n`)
  }

  /** Waits for a line after the last command. */
  async until(pattern: RegExp): Promise<void> {
    const what = () => `${String(pattern)}: ${this.#manager.stdout} ${this.#manager.stderr}`
    await untilTrue(what, () => pattern.test(this.since))
  }

  /** The output since the last command. */
  get since(): string {
    return this.#manager.stdout.slice(this.#seen)
  }

  get stderr(): string {
    return this.#manager.stderr
  }
}

test('the service manager keeps interface and sockets over a crash and a restart', async (t) => {
  if (!hasTools(t, 'ping', 'python3')) return
  const service = await Service.open(t)
  const { tunnel } = service
  service.say('start')
  await service.until(/stored 1 as tun2udp-socket-1, poll 0/u)
  t.regex(service.since, /stored 1 as tun2udp-device-0, poll 0/u)
  t.true(await tunnel.isWorking())
  const identity = await tunnel.identity()
  for (const [how, status] of [
    ['kill', -9],
    ['term', 0],
    ['kill', -9],
  ] as const) {
    service.say(how)
    await service.until(new RegExp(`ended ${status} with 4 in store`, 'u'))
    t.is(await tunnel.identity(), identity, how)
    service.say('start')
    await service.until(/READY=1/u)
    t.false(service.since.includes('stored'), 'it has them already')
    await untilTrue('packets flow', async () => tunnel.isWorking())
    t.is(await tunnel.identity(), identity, how)
  }
  t.is((await runProgram(['stop', tunnel.control])).status, 0)
  await service.until(/ended 0 with 0 in store/u)
  await eventually(t, async () => tunnel.describe(), '', 'the interface is gone')
})

test('descriptors of others are refused, and the next start is one without', async (t) => {
  if (!hasTools(t, 'ping', 'python3')) return
  const service = await Service.open(t)
  service.say('foreign')
  service.say('start')
  await service.until(/ended 1 with 0 in store/u)
  t.regex(service.since, /removed tun2udp-device-0/u)
  t.regex(service.stderr, /adopt .*start the service again/u)
  service.say('start')
  await service.until(/READY=1/u)
  await untilTrue('packets flow', async () => service.tunnel.isWorking())
})
