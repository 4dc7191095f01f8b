import test from 'ava'
import fc from 'fast-check'
import {
  type Answer,
  LineReader,
  REQUEST_BYTES_MAX,
  parseLine,
  parseRequest,
  toLine,
} from '../../../bin/tun2udp/control/protocol.ts'

// More runs for the nightly fuzzing.
const runs = { numRuns: Number(process.env['TUN2UDP_FUZZ_RUNS'] ?? 300) }

/** Reads all lines of bytes that arrive in parts. */
function linesOf(parts: readonly Uint8Array[], max: number) {
  const reader = new LineReader(max)
  const lines: Buffer[] = []
  for (const part of parts) {
    reader.push(part)
    for (let line = reader.next(); line; line = reader.next()) lines.push(line)
  }
  return { lines, isTooLong: reader.isTooLong, rest: reader.rest() }
}

/** Splits bytes at places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [...places.map((place) => place % (bytes.length + 1)), 0, bytes.length].sort(
    (one, other) => one - other,
  )
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

// Bytes with many line feeds.
const bytes = fc
  .array(fc.oneof(fc.constant(10), fc.integer({ min: 0, max: 255 })), { maxLength: 200 })
  .map((list) => Uint8Array.from(list))

test('lines do not depend on how their bytes arrive', (t) => {
  fc.assert(
    fc.property(
      bytes,
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.integer({ min: 0, max: 40 }),
      (all, places, max) => {
        const split = linesOf(cut(all, places), max)
        t.deepEqual(split, linesOf([all], max))
        // Byte by byte, as the definition of a line.
        const text = Buffer.from(all).toString('latin1').split('\n')
        const long = text.findIndex((line) => line.length > max)
        const complete = text.slice(0, long === -1 ? -1 : long)
        t.deepEqual(
          split.lines.map((line) => line.toString('latin1')),
          complete,
        )
        t.is(split.isTooLong, long !== -1)
        t.is(split.rest.toString('latin1'), long === -1 ? (text.at(-1) ?? '') : '')
      },
    ),
    runs,
  )
})

test('complete lines are in the rest with their line feeds', (t) => {
  const reader = new LineReader(10)
  reader.push(Buffer.from('a\nb\nc'))
  t.is(reader.next()?.toString(), 'a')
  t.is(reader.rest().toString(), 'b\nc')
  t.is(reader.rest().length, 0)
})

const request = fc.record(
  {
    id: fc.maxSafeNat(),
    method: fc
      .string({ minLength: 1, maxLength: 16, unit: 'binary' })
      .filter((text) => !text.includes('\0') && Buffer.byteLength(text) <= 64),
    params: fc.jsonValue(),
  },
  { requiredKeys: ['id', 'method'] },
)

test('every request is read as it was written', (t) => {
  fc.assert(
    fc.property(request, (one) => {
      const line = JSON.stringify(one)
      t.deepEqual(parseRequest(Buffer.from(line)), { params: {}, ...(JSON.parse(line) as object) })
    }),
    runs,
  )
})

/** An answer to any request is one line of JSON. */
function isAnswer(answer: Answer): boolean {
  const line = toLine(answer)
  const { id, error } = parseLine(Buffer.from(line.slice(0, -1))) as {
    id: unknown
    error?: unknown
  }
  return (
    line.indexOf('\n') === line.length - 1 &&
    (id === null || Number.isSafeInteger(id)) &&
    typeof error === 'object'
  )
}

test('garbage and changed requests are requests or refusals, and never throw', (t) => {
  const changed = fc
    .tuple(
      request,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      fc.nat(),
      fc.boolean(),
    )
    .map(([one, changes, length, isCut]) => {
      const line = Buffer.from(JSON.stringify(one))
      for (const [at, byte] of changes) line[at % line.length] = byte
      return isCut ? line.subarray(0, length % (line.length + 1)) : line
    })
  const values = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)))
  fc.assert(
    fc.property(fc.oneof(changed, values, fc.uint8Array({ maxLength: 64 })), (line) => {
      const parsed = parseRequest(line)
      if ('refused' in parsed) t.true(isAnswer(parsed.refused))
      else t.true(Number.isSafeInteger(parsed.id) && parsed.id >= 0 && parsed.method.length > 0)
    }),
    { numRuns: runs.numRuns * 10 },
  )
})

const refusalOf = (line: string) => {
  const parsed = parseRequest(Buffer.from(line, 'latin1'))
  return 'refused' in parsed ? { ...parsed.refused, isBroken: parsed.isBroken } : parsed
}

test('a wrong field is refused by its name, with the id if there is one', (t) => {
  const cases: readonly [string, number | null, RegExp, boolean][] = [
    [
      '{"id":7,"method":"show","parms":{}}',
      7,
      /"parms": expected one of id, method, params; did you mean params\?/u,
      false,
    ],
    ['{"id":7,"method":"show","__proto__":{}}', 7, /"__proto__"/u, false],
    ['{"id":7}', 7, /Invalid method undefined: expected text/u, false],
    ['{"id":7,"method":""}', 7, /Invalid method ""/u, false],
    ['{"id":7,"method":["show"]}', 7, /Invalid method array/u, false],
    ['{"method":"show"}', null, /Invalid id undefined/u, false],
    ['{"id":-1,"method":"show"}', null, /Invalid id -1/u, false],
    ['{"id":1.5,"method":"show"}', null, /Invalid id 1\.5/u, false],
    ['{"id":"1","method":"show"}', null, /Invalid id "1"/u, false],
    ['{"id":9007199254740992,"method":"show"}', null, /Invalid id/u, false],
    ['[]', null, /Invalid request array: expected an object/u, true],
    ['null', null, /Invalid request null/u, true],
    ['', null, /not JSON in UTF-8/u, true],
    ['GET / HTTP/1.1\r', null, /not JSON in UTF-8/u, true],
    ['{"id":1,"method":"\xff"}', null, /not JSON in UTF-8/u, true],
    [
      `${'['.repeat(REQUEST_BYTES_MAX / 2)}${']'.repeat(REQUEST_BYTES_MAX / 2)}`,
      null,
      /array/u,
      true,
    ],
  ]
  for (const [line, id, message, isBroken] of cases) {
    const refused = refusalOf(line) as {
      id: unknown
      error: { code: string; message: string }
      isBroken: boolean
    }
    t.is(refused.id, id, line)
    t.is(refused.error.code, 'ERR_TUN_INVALID_ARGUMENT', line)
    t.regex(refused.error.message, message)
    t.is(refused.isBroken, isBroken, line)
  }
})
