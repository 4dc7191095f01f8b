import { pageTest, runLines, twoMachines } from '../../support/docs/page.ts'
import type { Machine } from '../../support/docs/machine.ts'
import { hasTools } from '../../support/skip.ts'

/** Returns the output of a command on one line, since tables break sentences. */
async function flat(machine: Machine, command: string): Promise<string> {
  return (await machine.shell(command)).replaceAll(/\s+/gu, ' ')
}

pageTest('docs/guides/when-nothing-flows.md', async (t, page) => {
  if (!hasTools(t, 'ping', 'nft')) {
    page.skip()
    return
  }
  // Each machine has its own /home, but not /run.
  const { a, b } = await twoMachines(t, { env: { RUNTIME_DIRECTORY: '/home/run' } })
  for (const machine of [a, b]) await machine.shell('mkdir -p /home/run')
  const show = page.next('sh')
  await runLines(page.next('sh'), { a })
  t.regex(await flat(a, show), /tun0/u)

  /** Repeats the last line of the next block until it prints the sentence of the page. */
  const shows = async () => {
    const lines = page.next('sh').trim().split('\n')
    const sentence = page.next('text').trim()
    const last = lines.pop() ?? ''
    const lossy = lines.map((line) => (line.includes('ping') ? `${line} || true` : line))
    let output = ''
    for (let attempt = 0; attempt < 60 && !output.includes(sentence); attempt++) {
      if (attempt === 0) await runLines(lossy.join('\n'), { a, b })
      else await a.shell('ping -c 1 -W 1 10.9.0.2 || true')
      output = await flat(a, last)
    }
    t.true(output.includes(sentence), output)
  }
  await shows()

  // The refusals of the start would be an explanation.
  await a.endPrograms()
  await runLines('sudo tun2udp 10.9.0.2/24 5001 5001 --peer a.example', { b })
  await runLines('sudo tun2udp 10.9.0.1/24 5001 5001 --peer b.example', { a })
  await shows()
  await b.shell('nft delete table inet block')

  await b.endPrograms()
  await b.shell('ip address add 192.0.2.77/24 dev eth0')
  const sentence = page.next('text').trim()
  const send = 'from 192.0.2.77'
  await b.shell(`node -e "
    const socket = require('node:dgram').createSocket('udp4')
    socket.bind(0, '192.0.2.77', () => socket.send('x', 5001, '192.0.2.1', () => socket.close()))"`)
  let output = ''
  while (!output.includes(send)) output = await flat(a, 'tun2udp show')
  t.true(output.includes(sentence), output)

  await shows()
  await a.shell('sudo ip link set dev tun0 up')
  t.regex(await runLines(page.next('sh'), { a }), /10\.9\.0\.2 dev tun0/u)
})
