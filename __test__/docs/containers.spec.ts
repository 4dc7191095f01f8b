import { readFileSync } from 'node:fs'
import { Machine } from '../support/docs/machine.ts'
import { pageTest } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import { hasTools, isOpenToOthers, rootTest } from '../support/skip.ts'

const DOCKERFILE = readFileSync(`${ROOT}contrib/Dockerfile`, 'utf8').replaceAll('\\\n', ' ')

/** Returns the arguments of an instruction, the last one of its kind. */
function instruction(name: string): string {
  const found = [...DOCKERFILE.matchAll(new RegExp(`^${name} (.*)$`, 'gmu'))].at(-1)?.[1]
  if (found === undefined) throw new Error(`the Dockerfile has no ${name}`)
  return found
}

pageTest('docs/containers.md', (t, page) => {
  const commands = page.shown(
    'sh',
    'no images can be had; the next test does what the image would do',
  )
  t.regex(commands, /--cap-drop ALL --cap-add NET_ADMIN --device \/dev\/net\/tun/u)
  const manifest = page.shown('yaml', 'no cluster is there')
  t.regex(manifest, /capabilities: \{ drop: \[ALL\], add: \[NET_ADMIN\] \}/u)
  const [user] = instruction('USER').split(':')
  t.true(manifest.includes(`runAsUser: ${user}\n`))
})

rootTest('what the Dockerfile starts runs as its user with that capability alone', async (t) => {
  if (!isOpenToOthers(t) || !hasTools(t, 'setcap', 'setpriv')) return
  const a = await Machine.start(t, 'a')
  // The places of the package and of node in the image.
  await a.shell(`mkdir -p /usr/local/lib/node_modules
    ln -sfn '${ROOT}' /usr/local/lib/node_modules/tun2udp
    rm /usr/local/bin/node && cp '${process.execPath}' /usr/local/bin/node`)
  const steps = [...DOCKERFILE.matchAll(/^RUN (.*)$/gmu)].flatMap(([, text = '']) =>
    text.split('&&').map((step) => step.trim()),
  )
  const own = steps.filter((step) => !/^(apt-get|npm|rm) /u.test(step))
  t.is(own.length, 2)
  for (const step of own) await a.shell(step)

  const [uid, gid] = instruction('USER').split(':')
  const command = (JSON.parse(instruction('ENTRYPOINT')) as string[]).join(' ')
  // As in a container for a user other than root: only the capabilities that the bounding set permits.
  const container = `setpriv --reuid ${uid} --regid ${gid} --clear-groups --inh-caps=-all --bounding-set=-all,+net_admin`
  const program = await a.leave(`${container} ${command} 10.9.0.1/24 5001 5001`, /^ready: tun0 /mu)
  t.regex(program.stdout, /10\.9\.0\.1\/24/u)
  const status = await a.shell(`cat "/proc/$(pgrep -u ${uid} -x tun2udp)/status"`)
  t.regex(status, /^CapEff:\t0{12}1000$/mu)
  t.regex(status, /^CapBnd:\t0{12}1000$/mu)
})
