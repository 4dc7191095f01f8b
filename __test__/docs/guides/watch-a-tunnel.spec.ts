import { end } from '../../support/docs/machine.ts'
import { pageTest, runLines, twoMachines } from '../../support/docs/page.ts'
import { hasTools } from '../../support/skip.ts'

pageTest('docs/guides/watch-a-tunnel.md', async (t, page) => {
  if (!hasTools(t, 'ping', 'jq', 'tcpdump')) {
    page.skip()
    return
  }
  const { a, b } = await twoMachines(t)
  await Promise.all([a, b].map(async (machine) => machine.shell('mount -t tmpfs tmpfs /run')))
  await runLines(page.next('sh'), { a, b })
  const [ping = '', show = ''] = page.next('sh').split('\n')
  // Packets that are sent before the other end is ready are lost.
  await a.shell('for n in 1 2 3 4 5; do ping -c 1 -W 1 10.9.0.2 && exit; done; exit 1')
  t.regex(await a.shell(ping), /3 received/u)
  const shown = (await a.shell(show)).trimEnd().split('\n')
  // The page has the lines and columns of the output; the numbers differ.
  const shape = (line: string) =>
    line
      .replaceAll(/\d[\d.,]*/gu, '0')
      .replaceAll(/ +/gu, ' ')
      .trim()
  const withoutOffloads = (lines: readonly string[]) =>
    lines.map(shape).filter((line) => !/^(?:offloads|out other|socket) /u.test(line))
  const expected = page.next('text').trimEnd().split('\n')
  const units = (lines: readonly string[]) =>
    lines.map((line) =>
      line.replaceAll(/(?:byte|kB|MB|GB)/gu, 'B').replaceAll(/0 (?:[kM]?)bit/gu, '0 bit'),
    )
  t.deepEqual(units(withoutOffloads(shown)), units(withoutOffloads(expected)))

  const watching = await a.leave(page.next('sh').trim(), /^vpn0: [^]*^vpn0: /mu)
  end(watching, 'SIGINT')
  t.like(await watching.ended, { status: 0 })
  t.true(Number(await a.shell(page.next('sh'))) >= 3)
  const packets = await a.shell(page.next('sh'))
  t.regex(packets, / IP 10\.9\.0\.1 > 10\.9\.0\.2: ICMP echo request/u)
  t.regex(await a.shell('ls -l vpn0.pcapng'), /^-rw-------/u)
  await a.shell(page.next('sh'))
  t.notRegex(await a.shell('ip -brief link'), /vpn0/u)
  t.is(await a.shell('ls /run/tun2udp'), '')
})
