// Values that are wrong for every argument of the public API, at least 200. Each is created again for each
// call, since some can be used only once.
import { runInNewContext } from 'node:vm'

const refuse = () => {
  throw new Error('the trap of a Proxy')
}
const TRAPS = [
  'get',
  'has',
  'ownKeys',
  'getPrototypeOf',
  'getOwnPropertyDescriptor',
  'isExtensible',
]
const TYPED_ARRAYS = [
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
]
const NUMBERS = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  -1,
  -0.5,
  0.5,
  1.5,
  68.25,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 32 + 1,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  2 ** 64,
  1e21,
  1e300,
]
// Each has a NUL or is too long for any name, path or address, so none can name an existing object.
const TEXTS = [
  '\0',
  'a\0b',
  'lo\0',
  '10.0.0.1\0',
  '10.0.0.1/24\0',
  '/proc/self/ns/net\0',
  '\0'.repeat(16),
  '\uD800\0',
  '\uFFFF\0',
  ' \0',
  '\n\0\n',
  '%d%d\0',
  '..\0',
  '__proto__\0',
  'x'.repeat(5_000),
  'x'.repeat(100_000),
  '/'.repeat(5_000),
  '9'.repeat(5_000),
  ':'.repeat(5_000),
  '🙂'.repeat(2_000),
  '1.'.repeat(5_000),
  '"'.repeat(5_000),
]
const BIGINTS = [0n, 1n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 64n, 2n ** 4096n, -(2n ** 64n)]
const SYMBOLS = [Symbol('x'), Symbol.iterator, Symbol.for('tun2udp'), Symbol.asyncIterator]

function revoked(target) {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const withLength = (length) => Object.assign([], { length })

/** Objects of classes and other values that are not plain objects. */
const OBJECTS = {
  Date: () => new Date(0),
  'invalid Date': () => new Date(Number.NaN),
  Map: () => new Map([['mtu', 1400]]),
  Set: () => new Set(['tso']),
  WeakMap: () => new WeakMap(),
  WeakSet: () => new WeakSet(),
  WeakRef: () => new WeakRef({}),
  RegExp: () => /x/u,
  Promise: () => Promise.resolve(1),
  'boxed number': () => Object(1400),
  'boxed text': () => Object('lo'),
  'boxed boolean': () => Object(true),
  'boxed bigint': () => Object(1n),
  'boxed symbol': () => Object(Symbol('x')),
  Error: () => Object.assign(new Error('x'), { x: 1 }),
  ArrayBuffer: () => Object.assign(new ArrayBuffer(64), { x: 1 }),
  SharedArrayBuffer: () => Object.assign(new SharedArrayBuffer(64), { x: 1 }),
  DataView: () => Object.assign(new DataView(new ArrayBuffer(64)), { x: 1 }),
  URL: () => new URL('file:///dev/net/tun'),
  URLSearchParams: () => new globalThis.URLSearchParams('mtu=1400'),
  Intl: () => Object.assign(new Intl.NumberFormat(), { x: 1 }),
  globalThis: () => globalThis,
  Math: () => Object.assign(Object.create(Math), { x: 1 }),
  JSON: () => Object.assign(Object.create(JSON), { x: 1 }),
  process: () => process,
  'a generator': () => Object.assign((function* () {})(), { x: 1 }),
  'an asynchronous generator': () => Object.assign((async function* () {})(), { x: 1 }),
  'a thenable': () => ({ then: (resolve) => resolve(1) }),
  arguments: () =>
    (function () {
      return arguments
    })(1, 2),
  'of another realm': () => runInNewContext('({ x: 1 })'),
  'a Map of another realm': () => runInNewContext('Object.assign(new Map(), { x: 1 })'),
  'an array of another realm': () => runInNewContext('[Symbol()]'),
  'text that is an object': () => ({ toString: () => 'lo', x: 1 }),
  'a number that is an object': () => ({ valueOf: () => 1400, x: 1 }),
  'whose text throws': () => ({ toString: refuse, valueOf: refuse, x: 1 }),
  'whose primitive throws': () => ({ [Symbol.toPrimitive]: refuse, x: 1 }),
  'whose tag throws': () => ({
    get [Symbol.toStringTag]() {
      return refuse()
    },
    x: 1,
  }),
  'without a prototype': () => Object.assign(Object.create(null), { x: 1 }),
  'with its own __proto__': () => JSON.parse('{"__proto__": 1}'),
  'with constructor': () => ({ constructor: 1 }),
  'with hasOwnProperty': () => ({ hasOwnProperty: 1 }),
  frozen: () => Object.freeze({ x: 1 }),
  cyclic: () => {
    const cycle = {}
    cycle.x = cycle
    return cycle
  },
  'with a getter that throws': () => ({
    get x() {
      return refuse()
    },
  }),
  'with 10000 properties': () =>
    Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`x${n}`, n])),
  'that inherits a wrong property': () => Object.create({ x: 1 }),
  'an AbortSignal alone': () => Object.assign(AbortSignal.abort(), { x: 1 }),
  'an EventTarget': () => Object.assign(new globalThis.EventTarget(), { x: 1 }),
  'half a signal': () => ({ aborted: false, addEventListener: () => undefined }),
  'a signal whose getter throws': () => ({
    get aborted() {
      return refuse()
    },
    reason: 1,
  }),
}

const ARRAYS = {
  'of length 2^32 - 1': () => withLength(2 ** 32 - 1),
  'of length 65537': () => withLength(65_537),
  'of 3 holes': () => withLength(3),
  'with a hole': () => [undefined, , 'x'], // eslint-disable-line no-sparse-arrays
  'of null': () => [null],
  'of undefined': () => [undefined],
  'of arrays': () => [[[]]],
  'of objects': () => [{}],
  'of symbols': () => [Symbol('x')],
  'of bigints': () => [1n],
  'of numbers': () => [1, 2, 3.5],
  'of NaN': () => [Number.NaN],
  'of functions': () => [() => 1],
  'of text with NUL': () => ['\0'],
  'of booleans': () => [true],
  'of a revoked Proxy': () => [revoked({})],
  'of a Proxy that throws': () => [new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse })],
  'of whose text throws': () => [{ toString: refuse }],
  'with a getter': () => Object.defineProperty(['x\0'], 0, { get: refuse }),
  'with a getter that gives a symbol': () =>
    Object.defineProperty(['x'], 0, { get: () => Symbol('x') }),
  'without a prototype': () => Object.setPrototypeOf(['x\0'], null),
  'with an iterator that throws': () => Object.assign(['x\0'], { [Symbol.iterator]: refuse }),
  'with map that throws': () => Object.assign(['x\0'], { map: refuse, every: refuse }),
  'of typed arrays': () => [new Float64Array(4)],
  'of itself': () => {
    const cycle = []
    cycle.push(cycle)
    return cycle
  },
  'a Proxy of an array': () =>
    new Proxy([1], { get: (array, key) => (key === 'length' ? 1 : refuse(array)) }),
  'a Proxy whose length throws': () => new Proxy([], { get: refuse }),
  'a Proxy whose length is a symbol': () => new Proxy([], { get: () => Symbol('x') }),
  'a Proxy whose length is -1': () =>
    new Proxy([], { get: (_, key) => (key === 'length' ? -1 : undefined) }),
}

const FUNCTIONS = {
  arrow: () => () => undefined,
  'that throws': () => refuse,
  asynchronous: () => async () => undefined,
  generator: () => function* () {},
  class: () => class {},
  bound: () => refuse.bind(null),
  Proxy: () => new Proxy(refuse, { get: refuse, apply: refuse }),
  'revoked Proxy': () => revoked(() => undefined),
  native: () => Math.max,
}

const of = (kind, values) =>
  values.map((value) => [`${kind} ${String(value).slice(0, 30)}`, () => value])
const kinds = (kind, makers) =>
  Object.entries(makers).map(([name, make]) => [`${kind} ${name}`, make])

/** Pairs of a name and a function that creates the value. */
export const WRONG = [
  ['null', () => null],
  ['true', () => true],
  ['false', () => false],
  ...of('number', NUMBERS),
  ...of('text', TEXTS),
  ...of('bigint', BIGINTS),
  ...of('symbol', SYMBOLS),
  ...kinds('object', OBJECTS),
  ...kinds('array', ARRAYS),
  ...kinds('function', FUNCTIONS),
  ...TYPED_ARRAYS.map((type) => [type.name, () => Object.assign(new type(40), { x: 1 })]),
  ...TRAPS.map((trap) => [`Proxy with ${trap}`, () => new Proxy({ x: 1 }, { [trap]: refuse })]),
  ...TRAPS.map((trap) => [
    `Proxy of an array with ${trap}`,
    () => new Proxy(['\0'], { [trap]: refuse }),
  ]),
  ...TRAPS.map((trap) => [
    `Proxy of bytes with ${trap}`,
    () => new Proxy(new Uint8Array(40), { [trap]: refuse }),
  ]),
  [
    'Proxy with all traps',
    () => new Proxy({ x: 1 }, Object.fromEntries(TRAPS.map((trap) => [trap, refuse]))),
  ],
  ['revoked Proxy', () => revoked({})],
  ['revoked Proxy of an array', () => revoked([])],
  ['revoked Proxy of bytes', () => revoked(new Uint8Array(4))],
  ...BIGINTS.map((n) => [`object with the bigint ${String(n).slice(0, 9)}`, () => ({ x: n })]),
  ...SYMBOLS.map((s) => [`array with ${String(s)} twice`, () => [s, s]]),
  ...NUMBERS.map((n) => [`array with ${n}`, () => [n]]),
  ...TEXTS.slice(0, 14).map((text) => [`array with ${JSON.stringify(text)}`, () => [text]]),
]
