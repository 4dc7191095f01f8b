import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ROOT } from '../support/docs/root.ts'

test('a link that leads nowhere, a title used twice and a licence in the search are named', (t) => {
  const site = mkdtempSync(join(tmpdir(), 'tun2udp-site-'))
  t.teardown(() => {
    rmSync(site, { recursive: true })
  })
  const check = () =>
    spawnSync(process.execPath, [`${ROOT}scripts/check-site.js`, site, '/'], { encoding: 'utf8' })
  mkdirSync(join(site, 'docs'))
  writeFileSync(join(site, 'docs/a.html'), '<h1 id="top"></h1><a href="/docs/b#one">b</a>')
  writeFileSync(join(site, 'docs/b.html'), '<h1 id="one"></h1><a href="a#top">a</a>')
  t.is(check().status, 0, check().stderr)

  writeFileSync(join(site, 'docs/b.html'), '<h1 id="two"></h1><a href="c">c</a><img src="/d.svg">')
  t.is(check().status, 1)
  t.is(
    check().stderr,
    'docs/a.html: docs/b.html has no #one\ndocs/b.html: c leads nowhere\n' +
      'docs/b.html: /d.svg leads nowhere\n3 links of 2 pages: 3 lead nowhere\n',
  )

  writeFileSync(join(site, 'docs/a.html'), '<title>One</title><a href="/docs/b">b</a>')
  writeFileSync(join(site, 'docs/b.html'), '<title>One</title>')
  writeFileSync(join(site, 'localSearchIndexroot.js'), '/THIRD-PARTY#mit')
  t.is(check().status, 1)
  t.is(
    check().stderr,
    'docs/a.html and docs/b.html have the title One\n' +
      'localSearchIndexroot.js: the search has the licence page\n1 links of 2 pages: 0 lead nowhere\n',
  )
})
