import type { ExecutionContext } from 'ava'
import { RateLines } from '../../bin/tun2udp/rates.ts'
import { Machine, cable } from '../support/docs/machine.ts'
import { type Page, pageTest, runLines, twoMachines } from '../support/docs/page.ts'
import { ROOT } from '../support/docs/root.ts'
import { FAKE_STATS } from '../support/fakeBinding.ts'
import { hasTools } from '../support/skip.ts'

pageTest('docs/tun2udp.md', async (t, page) => {
  if (!hasTools(t, 'socat', 'nft', 'ss', 'nstat', 'curl')) {
    page.skip()
    return
  }
  const { a, b } = await twoMachines(t)
  const usage = page.next('sh').trim()
  const expected = /^Usage: (.+)$/mu.exec(await a.shell('tun2udp --help'))?.[1] ?? ''
  t.is(
    usage.replaceAll(/[^a-z0-9]/giu, '').toLowerCase(),
    expected.replaceAll(/[^a-z0-9]/giu, '').toLowerCase(),
  )
  const [start = '', scrape = ''] = page.next('sh').split('\n')
  await runLines(start, { a })
  t.regex(await a.shell(scrape), /^tun2udp_outbound_read_packets_total\{/mu)
  await a.endPrograms()
  const [text = '', json = ''] = page.next('sh').split('\n')
  t.regex(await a.shell(text), /A tunnel can be started\.\n$/u)
  t.like(JSON.parse(await a.shell(json)), { canStart: true })
  await defaultRoute(t, page)
  const events = await a.leave(page.next('sh').trim(), /"event":"ready"/u)
  await events.until('stdout', /"event":"stats"/u)
  await a.endPrograms()
  t.is(page.next('text'), exampleRates())

  await runLines('tun2udp 10.9.0.1/24 5001 5001 --peer b.example', { a })
  const losses = await a.shell(page.next('sh'))
  t.regex(losses, /TX: .*dropped/u)
  t.regex(losses, /skmem:\(.*,d0\)/u)
  t.regex(losses, /^UdpRcvbufErrors +0 /mu)
  await a.endPrograms()

  // It is started first, and does not end although no process listens on the peer's port yet.
  const socat = b.start(['bash', '-c', `exec ${page.next('sh')}`])
  t.teardown(() => socat.child.kill('SIGKILL'))
  await b.shell('until ip -brief address show type tun | grep -q 10.9.0.2; do sleep 0.01; done')
  await b.shell('ping -q -c 3 -i 0.2 -W 0.2 10.9.0.1 || true')
  await runLines('tun2udp 10.9.0.1/24 5001 5001 --peer b.example', { a })
  t.regex(
    await a.shell('for i in 1 2 3 4 5 6 7 8 9; do ping -c 1 -W 0.3 10.9.0.2 && break; done'),
    /1 received/u,
  )
  await completions(t, page, a)
})

/** Returns the lines of the section on rates, as the program formats them. */
function exampleRates(): string {
  const { offload, outbound, inbound } = FAKE_STATS
  const lines = new RateLines(false)
  lines.start({ offload, outbound, inbound }, 0)
  const fast = {
    ...FAKE_STATS,
    outbound: { ...outbound, packetsRead: 1_230_001, bytesRead: 1_725_000_002 },
    inbound: { ...inbound, datagramsReceived: 10_101, bytesReceived: 1_000_102 },
  }
  const first = lines.next({ offload, outbound: fast.outbound, inbound: fast.inbound }, [], 1000)
  const { packetsRead, bytesRead, dropped } = fast.outbound
  const unreachable = {
    ...fast.outbound,
    packetsRead: packetsRead + 1000,
    bytesRead: bytesRead + 1_000_000,
    dropped: { ...dropped, unreachable: dropped.unreachable + 999 },
  }
  return `${first}\n${lines.next({ ...fast, outbound: unreachable }, [], 2000)}\n`
}

/**
 * The section on the default route: `a` and `b` are on different networks, and only `a` may reach a third
 * host through `b`.
 */
async function defaultRoute(t: ExecutionContext, page: Page): Promise<void> {
  const hosts = ['a', 'b', 'router', 'web'].map((host) => Machine.start(t, host))
  const [a, b, router, web] = await Promise.all(hosts)
  if (!a || !b || !router || !web) throw new Error('four machines were started')
  await cable([a, 'eth0', '198.51.100.1/24'], [router, 'wan', '198.51.100.254/24'])
  await cable([b, 'eth0', '192.0.2.2/24'], [router, 'lan', '192.0.2.254/24'])
  await cable([web, 'eth0', '203.0.113.1/24'], [router, 'far', '203.0.113.254/24'])
  await router.shell('sysctl -q -w net.ipv4.ip_forward=1')
  await a.shell('ip route add default via 198.51.100.254')
  await b.shell('ip route add default via 192.0.2.254')
  await web.shell('ip route add 198.51.100.0/24 via 203.0.113.254')
  await a.knows({ 'b.example': '192.0.2.2' })
  const before = await b.shell('ip route')

  await runLines(page.next('sh'), { b })
  const [start = '', ...forward] = page.next('sh').split('\n')
  await runLines(start, { a })
  await a.shell(forward.join('\n'))
  t.regex(await b.shell('ping -c 1 -W 5 203.0.113.1'), /1 received/u)
  t.regex(await b.shell('ip route get 2606::1'), /dev tun0/u)
  await Promise.all([a.endPrograms(), b.endPrograms()])
  await runLines(page.next('sh'), { a, b })
  t.is(await b.shell('ip route'), before)
  t.is(await a.shell('nft list tables'), '')
}

/** The section on completions. */
async function completions(t: ExecutionContext, page: Page, machine: Machine): Promise<void> {
  await machine.write('/usr/local/bin/npm', '#!/bin/sh\necho /usr/local/lib/node_modules\n')
  await machine.shell(`chmod +x /usr/local/bin/npm && mkdir -p /usr/local/lib/node_modules
    ln -s '${ROOT}' /usr/local/lib/node_modules/tun2udp`)
  const home = `${machine.directory}/user`
  await machine.shell(`export HOME='${home}'\n${page.next('sh')}`)
  const files = (
    await machine.shell(`cd '${home}' && find . -type l -exec test -e {} \\; -print`)
  ).split('\n')
  t.deepEqual(
    files.filter((file) => file !== '').toSorted(),
    [
      './.config/fish/completions/tunctl.fish',
      './.config/fish/completions/tun2udp.fish',
      './.local/share/bash-completion/completions/tunctl',
      './.local/share/bash-completion/completions/tun2udp',
      './.local/share/bash-completion/completions/tun2udp-tunctl',
      './.zsh/completions/_tunctl',
      './.zsh/completions/_tun2udp',
    ].toSorted(),
  )
  const zshrc = page.next('sh')
  if (!hasTools(t, 'zsh')) return
  const script = `${zshrc}print -r -- $_comps[tun2udp] $_comps[tunctl] $_comps[tun2udp-tunctl]`
  await machine.write(`${home}/script.zsh`, script)
  t.is(
    await machine.shell(`HOME='${home}' zsh -f '${home}/script.zsh'`),
    '_tun2udp _tunctl _tunctl\n',
  )
}
