import test from 'ava'
import { LIST, checkPersistent, checkRemoval } from '../../../lib/persistent/options.ts'

test('what is left out takes its default', (t) => {
  const native = { isTap: false, isMultiQueue: false, hasVnetHeader: false }
  t.deepEqual(checkPersistent({ mode: 'tun' }), native)
  t.deepEqual(checkPersistent({ mode: 'tun', name: undefined, owner: undefined }), native)
  t.deepEqual(checkRemoval('vpn0', {}), { name: 'vpn0' })
  t.deepEqual(LIST.check({}), {})
})

test('everything at once', (t) => {
  t.deepEqual(
    checkPersistent({
      mode: 'tap',
      name: 'vpn%d',
      owner: 'alice',
      group: 0,
      multiQueue: true,
      vnetHeader: true,
      netns: 17,
      cloneDevice: '/dev/misc/net/tun',
    }),
    {
      isTap: true,
      name: 'vpn%d',
      owner: 'alice',
      group: '0',
      isMultiQueue: true,
      hasVnetHeader: true,
      netns: 'pid:17',
      cloneDevice: '/dev/misc/net/tun',
    },
  )
  t.deepEqual(checkRemoval('vpn0', { netns: 'blue', cloneDevice: './tun' }), {
    name: 'vpn0',
    netns: 'blue',
    cloneDevice: './tun',
  })
  t.deepEqual(LIST.check({ netns: 'blue' }), { netns: 'blue' })
})

const refused: [options: unknown, message: RegExp][] = [
  [undefined, /^Invalid options undefined: expected an object$/u],
  ['tun', /^Invalid options "tun": /u],
  [{}, /^Invalid mode undefined: expected "tun" or "tap"$/u],
  [{ mode: 'TAP' }, /^Invalid mode "TAP": /u],
  [{ mode: 'tun', name: '' }, /^Invalid name "": /u],
  [{ mode: 'tun', name: 'a-name-too-long-x' }, /^Invalid name /u],
  [{ mode: 'tun', owner: '' }, /^Invalid user "": /u],
  [
    { mode: 'tun', owner: -1 },
    /^Invalid user -1: expected a name, or a whole number from 0 to 4294967294$/u,
  ],
  [{ mode: 'tun', owner: 4_294_967_295 }, /^Invalid user 4294967295: /u],
  [{ mode: 'tun', owner: 1.5 }, /^Invalid user 1\.5: /u],
  [{ mode: 'tun', group: Number.NaN }, /^Invalid group NaN: /u],
  [{ mode: 'tun', group: 'a:b' }, /^Invalid group "a:b": /u],
  [{ mode: 'tun', multiQueue: 1 }, /^Invalid multiQueue 1: expected true or false$/u],
  [{ mode: 'tun', vnetHeader: 'no' }, /^Invalid vnetHeader "no": expected true or false$/u],
  [{ mode: 'tun', netns: '' }, /^Invalid netns "": /u],
  [{ mode: 'tun', cloneDevice: '' }, /^Invalid cloneDevice "": expected the path /u],
  [{ mode: 'tun', cloneDevice: 'a\0b' }, /^Invalid cloneDevice "a\\u0000b": /u],
  [{ mode: 'tun', cloneDevice: 'x'.repeat(4096) }, /^Invalid cloneDevice "x+…": /u],
]

for (const [options, message] of refused) {
  test(`refused: ${String(message)}`, (t) => {
    const error = t.throws(() => checkPersistent(options), { message })
    t.is(error.name, 'TunError')
  })
}

test('a removal and a listing are checked too', (t) => {
  t.throws(() => checkRemoval(undefined, {}), {
    message: /^Invalid name undefined: /u,
  })
  t.throws(() => checkRemoval('x', null), { message: /^Invalid options null: /u })
  t.throws(() => LIST.check({ netns: '0' }), { message: /^Invalid netns "0": /u })
})
