import { pageTest } from '../support/docs/page.ts'

// eslint-disable-next-line @typescript-eslint/require-await -- a walk returns a promise
pageTest('docs/capture.md', async (_, page) => {
  page.shown('sh', '__test__/netns/program/capture.spec.ts runs the command')
  page.shown('sh', '__test__/netns/program/capture.spec.ts runs the command with filters')
  page.typed()
})
