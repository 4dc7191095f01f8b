import { pageTest } from '../../support/docs/page.ts'
import { nat } from '../../support/docs/walks/nat.ts'
import { hasTools } from '../../support/skip.ts'

pageTest('docs/guides/nat.md', async (t, page, start) => {
  if (!hasTools(t, 'nft')) {
    page.skip()
    return
  }
  await nat(t, page, start)
})
