import { readFileSync } from 'node:fs'
import test from 'ava'
import { deviceReport, summarise } from '../../bench/device/report.ts'
import { FORMAT, type Measured, parseResults } from '../../bench/device/results.ts'

const RECORDED = new URL('../../bench/results/', import.meta.url)

const FIGURE: Measured = {
  id: 'drain64',
  title: 'Drained',
  unit: 'kpackets/s',
  entries: [
    { id: 'c', title: 'C' },
    { id: 'packet', title: 'for await', reference: 'c', bound: { least: 0.73 } },
    { id: 'batch', title: 'batches', reference: 'c', bound: { least: 0.95 } },
  ],
  samples: [100, 90, 110].flatMap((value, round) => [
    { entry: 'c', round, value },
    { entry: 'packet', round, value: value * 0.8 },
    { entry: 'batch', round, value: value * 0.9 },
  ]),
}

test('medians, ratios to the reference, and whether they are as wanted', (t) => {
  const rows = summarise(FIGURE)
  t.deepEqual(
    rows.map(({ value }) => value),
    [100, 80, 90],
  )
  t.deepEqual(
    rows.map(({ ratio }) => ratio),
    [undefined, 0.8, 0.9],
  )
  t.deepEqual(
    rows.map(({ holds }) => holds),
    [undefined, true, false],
  )
  t.is(rows[0]?.spread, 0.1)
})

test('results of another format are refused', (t) => {
  t.throws(() => parseResults(JSON.stringify({ format: FORMAT + 1 }), 'old.json'), {
    message: /^old\.json is of format 2, expected 1: run `npm run bench:device` anew$/u,
  })
})

test('the recorded page is that of the recorded results', (t) => {
  const results = parseResults(
    readFileSync(new URL('device.json', RECORDED), 'utf8'),
    'device.json',
  )
  t.is(readFileSync(new URL('device.md', RECORDED), 'utf8'), deviceReport(results))
})
