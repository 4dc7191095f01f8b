import { pageTest, runLines, twoRoutedMachines } from '../../support/docs/page.ts'

pageTest('docs/guides/underlay.md', async (t, page) => {
  const { a, b } = await twoRoutedMachines(t)
  const way = async (words: string) => a.shell(`ip route get ${words}`)
  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  // Everything leads into the tunnel, even packets to the peer, unless they are marked.
  t.regex(await way('203.0.113.7'), / dev tun0 /u)
  t.regex(await way('198.51.100.1'), / dev tun0 /u)
  t.regex(await way('198.51.100.1 mark 51820'), / via 192\.0\.2\.254 dev eth0 /u)
  await Promise.all([a.endPrograms(), b.endPrograms()])
  await a.shell('ip rule del fwmark 51820')

  t.regex(await runLines(page.next('sh'), { a, b }), /1 received/u)
  t.regex(await way('203.0.113.7'), / dev tun0 /u)
  t.regex(await a.shell('ss -lunH'), /%eth0:5003/u)
  await Promise.all([a.endPrograms(), b.endPrograms()])

  await runLines(page.next('sh'), { a })
})
