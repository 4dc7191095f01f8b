/**
 * `node scripts/readme-results.js`: writes the table "In short" of the recorded results, and the measured columns of the
 * table of alternatives, to README.md. With `--check` it only checks whether both are current.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const README = 'README.md'
const RESULTS = 'bench/results/latest.md'

/** The measured columns of the table of alternatives: the section of the page, and its column there. */
const MEASURED = [
  { section: 'TCP, 1 stream, MTU 1500', column: 1 },
  { section: 'ping next to 1 TCP stream, MTU 1500', column: 2 },
]
/** The peers of the alternatives, by the beginning of their rows. */
const PEERS = {
  '`wireguard-go`': 'wireguard-go (encrypts)',
  '`boringtun`': 'boringtun (encrypts)',
  'OpenVPN without encryption': 'OpenVPN, no cipher',
  'fastd, `null`': 'fastd, null',
  'tinc, no cipher': 'tinc, no cipher',
  vtun: 'vtun, no cipher',
  n2n: 'n2n (encrypts)',
  VXLAN: 'kernel VXLAN',
  '`socat TUN UDP`': 'socat',
  'tun-rs': 'tun-rs, GSO',
  'TUN packages of npm': 'Node, fs and dgram',
}
const OURS = 'tun2udp'

const page = readFileSync(RESULTS, 'utf8')

/** Returns the cells of the rows of a Markdown table, without its head. */
function rowsOf(table) {
  const lines = table.split('\n').slice(2)
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** Returns a peer's figure in a section of the page as a multiple of the relay's; a dash if it is not there. */
function multiple(peer, { section, column }) {
  const start = page.indexOf(`\n## ${section}\n\n`)
  if (start < 0 || peer === undefined) return '–'
  const [table] = page.slice(start + section.length + 6).split('\n\n')
  const valueOf = (title) => rowsOf(table).find(([name]) => name === title)?.[column]
  const [theirs, ours] = [valueOf(peer), valueOf(OURS)].map(Number.parseFloat)
  if (Number.isNaN(theirs) || !(ours > 0)) return '–'
  const ratio = theirs / ours
  return `${ratio.toFixed(ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2)} ×`
}

/** Returns the table of alternatives with its measured columns, which are the last ones. */
function measured(table) {
  const [head, rule, ...rows] = table.trim().split('\n')
  const written = rows.map((row) => {
    const cells = row.split('|').slice(1, -1)
    const [name = ''] = cells
    const key = Object.keys(PEERS).find((start) => name.trim() === start)
    const values = MEASURED.map((one) => ` ${multiple(PEERS[key], one)} `)
    return `|${[...cells.slice(0, -MEASURED.length), ...values].join('|')}|`
  })
  return [head, rule, ...written].join('\n')
}

const [, caption, rows] = /^## In short\n\n(.+?)\n\n(\|.+?)\n\n/ms.exec(page) ?? []
if (rows === undefined) throw new Error(`${RESULTS} has no table "In short"`)

const before = readFileSync(README, 'utf8')
const after = before
  .replace(
    /(<!-- results -->\n).*(<!-- end of results -->)/s,
    (_all, start, end) => `${start}\n${caption}\n\n${rows}\n\n${end}`,
  )
  .replace(
    /(<!-- alternatives -->\n)(.*)(<!-- end of alternatives -->)/s,
    (_all, start, table, end) => `${start}\n${measured(table)}\n\n${end}`,
  )
if (process.argv[2] === '--check') {
  if (after !== before) {
    console.error(
      `${README}: its results are not those of ${RESULTS}: node scripts/readme-results.js`,
    )
    process.exitCode = 1
  }
} else writeFileSync(README, after)
