import { Machine } from '../../support/docs/machine.ts'
import { pageTest, runLines } from '../../support/docs/page.ts'

pageTest('docs/guides/tuning.md', async (t, page) => {
  const a = await Machine.start(t, 'a')
  const stats = await a.leave(page.next('sh').trim(), /"event":"ready"/u)
  await stats.until(
    'stdout',
    /"event":"stats".*"offload".*"superPacketsRead".*"superPacketsWritten"/u,
  )
  t.regex(stats.stdout, /"buffers":/u)
  await runLines(page.next('sh'), { a })
  t.regex(
    await a.shell(page.next('sh')),
    /^net\.core\.rmem_max = \d+\nnet\.core\.wmem_max = \d+\n$/u,
  )
  await runLines(page.next('sh'), { a })
  page.typed()
})
