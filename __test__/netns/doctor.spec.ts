import { execFile } from 'node:child_process'
import type { Finding } from '../../bin/tun2udp/doctor/finding.ts'
import { PROGRAM, cleanEnvironment } from '../support/program.ts'
import { hasTools, rootTest as test } from '../support/skip.ts'

interface Report {
  readonly canStart: boolean
  readonly findings: readonly Finding[]
}

/** Runs `doctor --json`, in front of which `command` may drop privileges. Returns its status and report. */
function runDoctor(command: readonly string[]): Promise<{ status: number; report: Report }> {
  const args = [...command, process.execPath, PROGRAM, 'doctor', '--json']
  return new Promise((resolve, reject) => {
    execFile('env', args, { env: cleanEnvironment() }, (error, stdout) => {
      if (error && typeof error.code !== 'number') {
        reject(new Error(error.message, { cause: error }))
        return
      }
      resolve({ status: Number(error?.code ?? 0), report: JSON.parse(stdout) as Report })
    })
  })
}

const levels = ({ findings }: Report) => new Map(findings.map(({ check, level }) => [check, level]))

test('as root a tunnel can be started', async (t) => {
  const { status, report } = await runDoctor([])
  t.is(status, 0)
  t.true(report.canStart)
  t.is(levels(report).get('driver'), 'ok')
  t.is(levels(report).get('capabilities'), 'ok')
})

test('without a capability it is a problem, and with CAP_NET_ADMIN alone it is none', async (t) => {
  if (!hasTools(t, 'setpriv')) return
  const without = await runDoctor(['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-all'])
  t.is(without.status, 1)
  t.false(without.report.canStart)
  t.is(levels(without.report).get('capabilities'), 'problem')
  const bounds = ['--bounding-set', '-all,+net_admin', '--inh-caps', '-all']
  const alone = await runDoctor(['setpriv', ...bounds])
  t.is(alone.status, 0)
  t.is(levels(alone.report).get('capabilities'), 'ok')
})
