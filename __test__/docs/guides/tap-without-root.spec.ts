import { pageTest } from '../../support/docs/page.ts'
import { tapWithoutRoot } from '../../support/docs/walks/tapWithoutRoot.ts'
import { isOpenToOthers } from '../../support/skip.ts'

pageTest('docs/guides/tap-without-root.md', async (t, page, start) => {
  if (!isOpenToOthers(t)) {
    page.skip()
    return
  }
  await tapWithoutRoot(t, page, start)
})
