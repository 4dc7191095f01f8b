import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import type { ExecutionContext } from 'ava'
import { fakeEnvironment } from '../../support/fakeBinding.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { PROGRAM, Running, cleanEnvironment } from '../../support/program.ts'
import { hasTools, isOpenToOthers, rootTest as test } from '../../support/skip.ts'

const USER = 65_534
const RELAY = ['10.0.0.1/24', '5001', '5002', '--name', 'vpn0']

/** Starts the program as an ordinary user, over the fake native layer, with a run-time folder. */
function start(t: ExecutionContext, folder: string, args: readonly string[]): Running {
  const dropped = ['--reuid', String(USER), '--regid', String(USER), '--clear-groups']
  const env = cleanEnvironment({
    ...fakeEnvironment(),
    FAKE_CLIENT: String(USER),
    XDG_RUNTIME_DIR: folder,
  })
  const command = [...dropped, process.execPath, PROGRAM, ...args]
  const program = new Running(spawn('setpriv', command, { env, stdio: ['ignore', 'pipe', 'pipe'] }))
  t.teardown(async () => {
    await program.end('SIGKILL')
  })
  return program
}

/** Returns a run-time folder of the user, as pam_systemd creates it. */
function runtimeFolder(t: ExecutionContext): string {
  const parent = temporaryFolder(t)
  chmodSync(parent, 0o755)
  const folder = join(parent, 'run')
  mkdirSync(folder, { mode: 0o700 })
  chownSync(folder, USER, USER)
  return folder
}

const isReady = (t: ExecutionContext) => isOpenToOthers(t) && hasTools(t, 'setpriv')

test('a relay of an ordinary user has its socket in the run-time folder of the user', async (t) => {
  if (!isReady(t)) return
  const folder = runtimeFolder(t)
  const relay = start(t, folder, RELAY)
  await relay.until('stdout', /ready/u)
  const own = join(folder, 'tun2udp')
  const path = join(own, 'vpn0.sock')
  t.is(statSync(own).mode & 0o777, 0o700)
  t.like(statSync(path), { uid: USER })
  t.is(statSync(path).mode & 0o777, 0o600)
  const shown = await start(t, folder, ['show', 'vpn0', '--json']).ended
  t.like(JSON.parse(shown.stdout), { pid: relay.child.pid })
  const stopped = await start(t, folder, ['stop']).ended
  t.like(stopped, { status: 0, stdout: 'stopped vpn0\n', stderr: '' })
  t.like(await relay.ended, { status: 0 })
  t.false(existsSync(path))
})

test('a run-time folder that does not exist is not created, and the relay runs', async (t) => {
  if (!isReady(t)) return
  const folder = join(runtimeFolder(t), 'missing')
  const relay = start(t, folder, RELAY)
  await relay.until('stdout', /ready/u)
  t.false(existsSync(folder))
  const shown = await start(t, folder, ['show']).ended
  t.is(shown.status, 1)
  t.regex(shown.stderr, /^tun2udp: find a relay: none has a socket in .*tun2udp; give the path/u)
  const { status, stderr } = await relay.end('SIGTERM')
  t.is(status, 0)
  t.notRegex(stderr, /control socket/u)
})

test('the run-time folder of another user is one notice, and one error of a client', async (t) => {
  if (!isReady(t)) return
  const folder = runtimeFolder(t)
  chownSync(folder, 0, 0)
  const reason = `use ${folder}/tun2udp for commands: permission denied; give a path with --control, or set XDG_RUNTIME_DIR to a folder of this user`
  const relay = start(t, folder, RELAY)
  await relay.until('stdout', /ready/u)
  const { status, stderr } = await relay.end('SIGTERM')
  t.is(status, 0)
  t.true(stderr.startsWith(`tun2udp: ${reason}; the relay runs without a control socket\n`), stderr)
  t.like(await start(t, folder, ['show']).ended, {
    status: 1,
    stdout: '',
    stderr: `tun2udp: ${reason}\n`,
  })
})

test('a folder that others may write to and a symbolic link are not used', async (t) => {
  if (!isReady(t)) return
  const folder = runtimeFolder(t)
  const own = join(folder, 'tun2udp')
  const target = join(folder, 'target')
  mkdirSync(target, { mode: 0o700 })
  chownSync(target, USER, USER)
  symlinkSync(target, own)
  const linked = start(t, folder, RELAY)
  await linked.until('stdout', /ready/u)
  t.regex((await linked.end('SIGTERM')).stderr, /tun2udp for commands: not a folder; remove it/u)
  t.false(existsSync(join(target, 'vpn0.sock')))
  const open = runtimeFolder(t)
  mkdirSync(join(open, 'tun2udp'))
  chownSync(join(open, 'tun2udp'), USER, USER)
  chmodSync(join(open, 'tun2udp'), 0o770)
  const relay = start(t, open, RELAY)
  await relay.until('stdout', /ready/u)
  t.regex((await relay.end('SIGTERM')).stderr, /others may write to it; run `chmod go-w /u)
  t.false(existsSync(join(open, 'tun2udp', 'vpn0.sock')))
})
