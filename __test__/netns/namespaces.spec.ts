import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { ExecutionContext } from 'ava'
import {
  type TunError,
  createNamespace,
  deleteNamespace,
  listNamespaces,
  openNetlink,
} from '../../dist/index.js'
import { withNamespace } from '../support/namespace.ts'
import { cleanEnvironment } from '../support/program.ts'
import { hasTools, rootTest } from '../support/skip.ts'

const execute = promisify(execFile)
const INDEX = new URL('../../dist/index.js', import.meta.url).href

/** Starts a process in a separate namespace that contains `mark0`; returns its id. */
async function startProcess(t: ExecutionContext): Promise<number> {
  const { name, run } = await withNamespace(t)
  await run('ip', 'link', 'add', 'mark0', 'type', 'bridge')
  const child = spawn('ip', ['netns', 'exec', name, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill())
  child.stdin.write('x')
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  t.true(pid > 0)
  return pid
}

/** Returns whether a session in that namespace is in the namespace of {@link startProcess}. */
async function isOfProcess(netns: string | number): Promise<boolean> {
  await using netlink = await openNetlink({ netns })
  return (await netlink.links.find('mark0')) !== undefined
}

rootTest('digits are a process id, unless a namespace has that name', async (t) => {
  const pid = await startProcess(t)
  t.true(await isOfProcess(pid))
  t.true(await isOfProcess(String(pid)))
  t.true(await isOfProcess(`pid:${pid}`))
  const missing = await t.throwsAsync<TunError>(openNetlink({ netns: `name:${pid}` }))
  t.is(missing.code, 'ERR_TUN_NOT_FOUND')
  await execute('ip', ['netns', 'add', String(pid)])
  t.teardown(async () => deleteNamespace(String(pid)).catch(() => undefined))
  t.true((await listNamespaces()).includes(String(pid)))
  t.false(await isOfProcess(String(pid)))
  t.false(await isOfProcess(`name:${pid}`))
  t.true(await isOfProcess(pid))
  t.true(await isOfProcess(`pid:${pid}`))
  await deleteNamespace(String(pid))
  t.false((await listNamespaces()).includes(String(pid)))
  t.true(await isOfProcess(String(pid)))
})

rootTest('a name of the form of a process id is a name, or refused if both exist', async (t) => {
  const pid = await startProcess(t)
  const name = `pid:${pid}`
  await createNamespace(name)
  t.teardown(async () => deleteNamespace(name).catch(() => undefined))
  const error = await t.throwsAsync<TunError>(openNetlink({ netns: name }))
  t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
  t.regex(error.message, new RegExp(`exactly this name, too; use name:pid:${pid} for that`, 'u'))
  t.false(await isOfProcess(`name:${name}`))
  t.true(await isOfProcess(`/proc/${pid}/ns/net`))
  // 0 is not the id of a process.
  const other = `pid:0${randomBytes(4).readUInt32BE()}`
  await createNamespace(other)
  t.teardown(async () => deleteNamespace(other).catch(() => undefined))
  t.false(await isOfProcess(other))
})

/** Runs a script in a separate process; returns its output, parsed as JSON. */
async function runScript(script: string, ...wrapper: string[]): Promise<unknown> {
  const node = [process.execPath, '--input-type=module', '-e', script]
  const [program = '', ...args] = [...wrapper, ...node]
  const { stdout } = await execute(program, args, { env: cleanEnvironment(), timeout: 30_000 })
  return JSON.parse(stdout) as unknown
}

const REPORT = `
  const report = (error) => ({ code: error.code, message: error.message })
`

rootTest('a namespace is entered where /proc is not mounted', async (t) => {
  if (!hasTools(t, 'unshare')) return
  const { name, run } = await withNamespace(t)
  await run('ip', 'link', 'add', 'mark0', 'type', 'bridge')
  const script = `
    import { openNetlink } from '${INDEX}'
    ${REPORT}
    const netlink = await openNetlink({ netns: '${name}' })
    const found = (await netlink.links.find('mark0'))?.name
    const process = await openNetlink({ netns: 1 }).catch(report)
    console.log(JSON.stringify({ found, process }))
  `
  const hidden = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh']
  const { found, process } = (await runScript(script, ...hidden)) as {
    found: string
    process: { code: string; message: string }
  }
  t.is(found, 'mark0')
  t.is(process.code, 'ERR_TUN_NOT_FOUND')
  t.regex(process.message, /^enter the network namespace pid:1: .*\/proc, which is not mounted$/u)
})

rootTest('with no descriptors left a session is refused by that reason', async (t) => {
  const { name } = await withNamespace(t)
  const script = `
    import { openNetlink, listNamespaces, createNamespace } from '${INDEX}'
    import { openSync, closeSync } from 'node:fs'
    ${REPORT}
    const netlink = await openNetlink({ netns: '${name}' })
    const left = []
    try { for (;;) left.push(openSync('/dev/null')) } catch {}
    const run = (call) => Promise.resolve().then(call).then(() => 'done', report)
    const results = []
    for (const free of [0, 1, 2, 3]) {
      results.push(await run(() => openNetlink({ netns: '${name}' }).then((one) => one.close())))
      results.push(await run(() => openNetlink().then((one) => one.close())))
      results.push(await run(() => netlink.monitor(['link']).close()))
      results.push(await run(() => netlink.links.list()))
      results.push(await run(() => listNamespaces()))
      closeSync(left.pop())
    }
    for (const fd of left) closeSync(fd)
    results.push(await run(() => openNetlink({ netns: '${name}' }).then((one) => one.close())))
    console.log(JSON.stringify(results))
  `
  const results = (await runScript(script, 'sh', '-c', 'ulimit -n 100; exec "$@"', 'sh')) as (
    string | { code: string; message: string }
  )[]
  t.is(results.at(-1), 'done')
  const failures = results.filter((one) => typeof one === 'object')
  t.true(failures.length >= 5)
  for (const { code, message } of failures) {
    t.is(code, 'ERR_TUN_EXHAUSTED', message)
    t.regex(message, /Too many open files.*; raise the limit on open files/u)
  }
})

rootTest('a file that is no namespace is named as such', async (t) => {
  const path = `/tmp/tun2udp-${randomBytes(5).toString('hex')}`
  await writeFile(path, '')
  t.teardown(async () => rm(path))
  const error = await t.throwsAsync<TunError>(openNetlink({ netns: path }))
  t.is(error.code, 'ERR_TUN_INVALID_ARGUMENT')
  t.regex(error.message, /the file is not a network namespace/u)
})
