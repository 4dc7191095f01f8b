import { pageTest } from '../support/docs/page.ts'

pageTest('docs/performance.md', (_t, page) => {
  page.shown('', 'a picture')
  page.shown('sh', 'the race takes minutes; __test__/bench has its tests')
})
