import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import prh from 'prh'
import { ROOT } from '../support/docs/root.ts'

/** The rules. Reading them fails if an example does not become the text that the rule expects. */
const engine = prh.fromYAMLFilePath(`${ROOT}scripts/prose/words.yml`)

for (const rule of engine.rules) {
  test(`rule "${rule.expected}": finds its bad sentence, and its good one has no finding`, (t) => {
    t.true(
      rule.specs.some(({ from, to }) => from !== to),
      'an example of what the rule finds',
    )
    for (const { from, to } of rule.specs) {
      t.is(rule.applyRule(from).length, from === to ? 0 : 1, from)
      const findings = engine.makeChangeSet('', to).diffs.map(({ matches }) => matches[0])
      t.deepEqual(findings, [], to)
    }
  })
}

/** Writes a file below the tree, where textlint finds its configuration, and returns what is found in it. */
function findings(t: ExecutionContext, name: string, text: string): string[] {
  const folder = mkdtempSync(`${ROOT}target/prose-`)
  t.teardown(() => {
    rmSync(folder, { recursive: true })
  })
  const file = join(folder, name)
  writeFileSync(file, text)
  const { stdout, status } = spawnSync('scripts/prose.sh', [file], { cwd: ROOT, encoding: 'utf8' })
  const lines = stdout.split('\n').filter((line) => line.startsWith(file.slice(ROOT.length)))
  t.is(status, lines.length === 0 ? 0 : 1, stdout)
  return lines.map((line) => /:(\d+:\d+: .*?) =>/u.exec(line)?.[1] ?? line)
}

test('Markdown: paragraphs over line ends, tables and headings are read, code is not', (t) => {
  const text = [
    '# Whoever reads',
    'It takes `whoever` at the',
    'most once.',
    '',
    '| a | b |',
    '| --- | --- |',
    '| fine | a dear call |',
    '',
    '```sh',
    'meanwhile',
    '```',
    '',
  ]
  t.deepEqual(findings(t, 'page.md', text.join('\n')), [
    '1:3: Whoever',
    '2:20: at the most',
    '7:12: dear',
  ])
})

test('TypeScript: comments are read with their lines, code, strings, fences and tags are not', (t) => {
  const text = [
    "const dear = 'http://meanwhile' // a quick value",
    "const text = 'x // whoever'",
    '/**',
    ' * Returns one packet a datagram, `whoever` at the',
    ' * most once.',
    ' * ```ts',
    ' * const beside = 1',
    ' * ```',
    ' * @param beside the packets, else nothing',
    ' */',
    '/* whoever */ const dear = 1',
    '',
  ]
  t.deepEqual(findings(t, 'source.ts', text.join('\n')), [
    '1:38: quick',
    '4:16: packet a datagram',
    '4:45: at the most',
    '9:31: else',
    '11:4: whoever',
  ])
})

test('Rust: comments and docstrings are read, code and strings are not', (t) => {
  const text = [
    '//! Whoever opens it.',
    '/// Reads at the',
    '/// most 64 packets.',
    'fn dear(text: &\'static str) -> bool { text == "// quick" } // par' + 'ted by colons',
    '',
  ]
  t.deepEqual(findings(t, 'source.rs', text.join('\n')), [
    '1:5: Whoever',
    '2:11: at the most',
    '4:63: parted by',
  ])
})

test('shell: comments are read, commands and directives are not', (t) => {
  const text = [
    '#!/usr/bin/env whoever',
    '# shellcheck disable=SC1 # quick',
    'echo quick # a quick one',
    '',
  ]
  t.deepEqual(findings(t, 'a.sh', text.join('\n')), ['3:16: quick'])
})

test('a file without findings ends with status 0', (t) => {
  t.deepEqual(findings(t, 'page.md', 'Sends one datagram per packet, at most 64.\n'), [])
})

test('files that are not checked yet are checked with --all, and no other option is accepted', (t) => {
  const refused = spawnSync('scripts/prose.sh', ['--none'], { cwd: ROOT, encoding: 'utf8' })
  t.is(refused.status, 1)
  t.regex(refused.stderr, /Invalid option "--none": expected --all, or files/u)
})

test('pending paths exist', (t) => {
  const entries = execFileSync('cat', ['scripts/prose/pending.txt'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  const files = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).split('\n')
  const exists = (entry: string) =>
    files.some((file) => (entry.endsWith('/') ? file.startsWith(entry) : file === entry))
  t.deepEqual(
    entries.filter((entry) => !exists(entry)),
    [],
  )
})
