import { pageTest } from '../support/docs/page.ts'

pageTest('docs/architecture.md', (_t, page) => {
  page.shown('', 'the list of rooms; __test__/architecture.spec.ts has their rules')
})
