import { readFileSync } from 'node:fs'
import test from 'ava'
import { COUNTERS, startRelay } from '../../../index.ts'
import { PEERS_WITH_METRICS, formatSnapshots } from '../../../lib/relay/metrics.ts'
import { FAKE_STATS, fakeBinding } from '../../support/fakeBinding.ts'

fakeBinding()

const read = (file: string) => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')

/** Returns the names of all numbers of the counters of a relay, such as `outbound.dropped.other`. */
function namesOf(stats: object, prefix = ''): string[] {
  return Object.entries(stats).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null
      ? namesOf({ ...value } as object, `${prefix}${name}.`)
      : typeof value === 'number'
        ? [`${prefix}${name}`]
        : [],
  )
}

const FULL_NAMES = COUNTERS.map(
  ({ direction, name, isDrop }) => `${direction}.${isDrop ? 'dropped.' : ''}${name}`,
)

/** All metrics of a relay with a peer of which everything is known. */
async function allMetrics(): Promise<string> {
  await using relay = await startRelay({
    addresses: ['10.0.0.1/24'],
    sendPort: 5001,
    receivePort: 5002,
    name: 'agree0',
  })
  const [first] = relay.peers.list()
  if (!first) throw new Error('the relay has a peer')
  const traffic = {
    ...{ datagramsSent: 1, bytesSent: 1, outboundDropped: 1, datagramsReceived: 1 },
    ...{ bytesReceived: 1, inboundDropped: 1, foreignPrefix: 1, silentForMillis: 1 },
  }
  const pathMtu = { outside: 1400, inside: 1372, source: 'route' } as const
  const peers = [{ ...first, isUp: true, pathMtu, traffic }]
  return formatSnapshots([{ version: '1.0.0', info: relay.info, stats: relay.stats(), peers }])
}

test('the counters of the table, of stats(), of the metrics and of the documents are the same', async (t) => {
  t.is(new Set(FULL_NAMES).size, FULL_NAMES.length)
  const { outbound, inbound } = FAKE_STATS
  t.deepEqual(namesOf({ outbound, inbound }).sort(), [...FULL_NAMES].sort())
  const rows = read('docs/tun2udp.md').matchAll(
    /^\| `((?:out|in)bound\.[\w.]+)` \| (\w+) \| (.+?) \| /gmu,
  )
  const documented = [...rows].map(([, name, unit, help]) => ({ name, unit, help }))
  t.deepEqual(
    documented,
    COUNTERS.map(({ unit, help }, at) => ({ name: FULL_NAMES[at], unit, help })),
  )
  const metrics = await allMetrics()
  for (const { help } of COUNTERS) {
    const expected = COUNTERS.filter((other) => other.help.includes(help)).length
    t.is(metrics.split(help).length - 1, expected, help)
  }
})

test('the texts of the metrics are sentences, and their names have the unit of the table', async (t) => {
  const metrics = await allMetrics()
  for (const [, name = '', help = ''] of metrics.matchAll(/^# HELP (\S+) (.*)$/gmu)) {
    t.regex(help, /^[A-Z].*[.\d]$/u, name)
    t.regex(name, /^tun2udp_[a-z][a-z_]*[a-z]$/u)
  }
  for (const { direction, name, unit, isDrop } of COUNTERS) {
    const snake = name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`)
    const words = snake.split('_').filter((word) => word !== unit)
    const expected = isDrop
      ? new RegExp(
          `^tun2udp_${direction}_dropped_${unit}_total\\{.*cause="${snake}"\\} \\d+$`,
          'mu',
        )
      : new RegExp(
          `^tun2udp_${direction}_${words.join('_')}(?:_${unit})?_total\\{[^}]*\\} \\d+$`,
          'mu',
        )
    const withinName = new RegExp(`^tun2udp_${direction}_${snake}_total\\{`, 'mu')
    t.true(expected.test(metrics) || withinName.test(metrics), name)
  }
})

interface Panel {
  readonly id: number
  readonly title: string
  readonly description: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets: readonly { readonly expr: string; readonly refId: string }[]
}

test('every metric and label of the Grafana dashboard exists, and its panels do not overlap', async (t) => {
  const metrics = await allMetrics()
  const text = read('contrib/grafana-dashboard.json')
  const { panels, templating } = JSON.parse(text) as {
    panels: readonly Panel[]
    templating: { list: readonly { name: string; definition?: string }[] }
  }
  const queries = [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...templating.list.flatMap(({ definition }) => definition ?? []),
  ]
  t.true(queries.length > 20)
  const variables = new Set(templating.list.map(({ name }) => name))
  for (const query of queries) {
    const used = query.matchAll(/(tun2udp_\w+)(?:\{([^}]*)\})?/gu)
    for (const [, name = '', selector = ''] of used) {
      const line = new RegExp(`^${name}\\{(.*)\\} `, 'mu').exec(metrics)
      t.truthy(line, `${name} of ${query}`)
      for (const [, label = ''] of selector.matchAll(/(\w+)=/gu))
        t.true(line?.[1]?.includes(`${label}="`), `${label} of ${query}`)
    }
    for (const [, variable = ''] of query.matchAll(/\$(\w+)/gu))
      t.true(variables.has(variable) || variable.startsWith('__'), query)
    t.is(query.split('(').length, query.split(')').length, query)
  }
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
  )
  t.is(new Set(cells).size, cells.length)
  t.true(panels.every(({ gridPos: { x, w } }) => x + w <= 24))
  t.true(panels.every(({ title, description }) => title !== '' && description.endsWith('.')))
  t.true(text.includes(String(PEERS_WITH_METRICS)), 'the limit of peers is stated')
})
