import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { DEVICES } from '../support/advice/devices.ts'
import { HANDOVER } from '../support/advice/handover.ts'
import { NAMESPACES } from '../support/advice/namespaces.ts'
import { NETLINK } from '../support/advice/netlink.ts'
import { OPTIONS } from '../support/advice/options.ts'
import { FOLLOWED_ELSEWHERE, NOT_FOLLOWED } from '../support/advice/others.ts'
import { PEERS } from '../support/advice/peers.ts'
import { PROGRAM_CASES } from '../support/advice/program.ts'
import { RELAY } from '../support/advice/relay.ts'
import { rustAdvice } from '../support/advice/rust.ts'
import { typescriptAdvice } from '../support/advice/typescript.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const TABLES = [DEVICES, HANDOVER, NAMESPACES, NETLINK, OPTIONS, PEERS, PROGRAM_CASES, RELAY].flat()

test('each advice of the sources is followed by a test, or has a reason why not', (t) => {
  const sources = new Map([...typescriptAdvice(ROOT), ...rustAdvice(ROOT)])
  const followed = new Set(TABLES.map(({ advice }) => advice))
  const lists = [followed, Object.keys(FOLLOWED_ELSEWHERE), Object.keys(NOT_FOLLOWED)]
  const listed = lists.flatMap((list) => [...list])
  t.deepEqual(
    [...sources]
      .filter(([text]) => !listed.includes(text))
      .map(([text, file]) => `${file}: ${text}`),
    [],
    'advice that no list has',
  )
  t.deepEqual(
    listed.filter((text) => !sources.has(text)),
    [],
    'listed, and not in the sources',
  )
  t.deepEqual(
    listed.filter((text, index) => listed.indexOf(text) !== index),
    [],
    'in two lists',
  )
  // If the search found less, the comparison would be worth nothing.
  t.true(sources.size > 120, `${sources.size} texts`)
})

test('the tests that follow advice elsewhere exist', (t) => {
  for (const [file, title] of Object.values(FOLLOWED_ELSEWHERE)) {
    t.true(readFileSync(`${ROOT}${file}`, 'utf8').includes(title), `${file}: ${title}`)
  }
})
