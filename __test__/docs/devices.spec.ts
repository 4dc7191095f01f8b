import { pageTest } from '../support/docs/page.ts'

pageTest('docs/devices.md', (_t, page) => {
  page.typed()
  page.typed()
  page.typed()
})
