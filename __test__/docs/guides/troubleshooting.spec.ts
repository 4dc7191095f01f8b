import { readFileSync } from 'node:fs'
import test from 'ava'
import { pageTest, runLines, twoMachines } from '../../support/docs/page.ts'
import { ROOT } from '../../support/docs/root.ts'
import { hasTools } from '../../support/skip.ts'

const read = (path: string) => readFileSync(ROOT + path, 'utf8')
const matches = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, name]) => name ?? '')

test('every code has its section, in the order of the declaration', (t) => {
  const declared = matches(read('lib/errors.ts'), /^ {2}\| '(ERR_TUN_\w+)'$/gmu)
  t.true(declared.length > 20)
  t.deepEqual(matches(read('docs/guides/troubleshooting.md'), /^## (ERR_TUN_\w+)$/gmu), declared)
})

test('every code that the core gives is declared', (t) => {
  const declared = new Set(matches(read('lib/errors.ts'), /^ {2}\| '(ERR_TUN_\w+)'$/gmu))
  const given = matches(read('crate/core/src/error.rs'), /=> "(ERR_TUN_\w+)"/gu)
  t.true(given.length > 15)
  t.deepEqual(
    given.filter((code) => !declared.has(code)),
    [],
  )
})

pageTest('docs/guides/troubleshooting.md', async (t, page) => {
  if (!hasTools(t, 'tshark', 'nstat')) {
    page.skip()
    return
  }
  const { a, b } = await twoMachines(t)
  await runLines('sudo tun2udp 10.9.0.1/24 5001 5001 --peer b.example', { a })
  await runLines('sudo tun2udp 10.9.0.2/24 5001 5001 --peer a.example', { b })
  t.regex(await a.shell(page.next('sh')), / 10\.9\.0\.1\/24 [^]*^10\.9\.0\.2 dev tun0 /mu)
  t.regex(await a.shell(page.next('sh')), /^192\.0\.2\.2 /mu)
  t.notRegex(await a.shell(page.next('sh')), /dev tun0/u)
  await a.shell(page.next('sh'))
  t.regex(await a.shell('ip rule'), /ipproto udp dport 5001 lookup 100/u)
  await a.shell('sudo ip rule delete ipproto udp dport 5001 lookup 100')
  page.shown('sh', 'tcpdump is not among the tools that the tests install')

  const shark = b.start(['bash', '-c', `exec ${page.next('sh')}`])
  await shark.until('stderr', /^Capturing on/mu)
  // tshark announces itself before it captures.
  await a.shell('for i in 1 2 3 4 5 6 7 8 9; do ping -q -c 1 -i 0.2 10.9.0.2; sleep 0.2; done')
  t.regex((await shark.ended).stdout, /10\.9\.0\.1 → 10\.9\.0\.2 +ICMP .* Echo \(ping\) request/u)

  await b.shell('sysctl -q -w net.ipv4.conf.all.rp_filter=1')
  await a.shell('ip address add 10.77.0.1/32 dev lo; ! ping -q -c 1 -W 0.2 -I 10.77.0.1 10.9.0.2')
  const filter = page.next('sh')
  t.regex(await b.shell(filter), /^TcpExtIPReversePathFilter +[1-9][^]*all\.rp_filter = 1$/mu)
  await b.shell('ip route add 10.77.0.0/16 dev tun0')
  t.regex(await a.shell('ping -q -c 1 -I 10.77.0.1 10.9.0.2'), /1 received/u)

  t.regex(await a.shell(page.next('sh')), /1 received/u)
  await t.throwsAsync(a.shell('ping -q -c 1 -W 0.2 -M do -s 1445 10.9.0.2'))

  await a.save(page.next('js'))
  t.regex(await a.shell('node caught.mjs'), /^ERR_TUN_UNKNOWN_HOST /u)
})

test('the sections on packets that do not arrive come before those of codes', (t) => {
  const headings = matches(read('docs/guides/troubleshooting.md'), /^## (.+)$/gmu)
  t.deepEqual(headings.slice(0, 2), ['No packets arrive', 'Ping works, transfers hang'])
})
