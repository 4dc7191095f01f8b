import test from 'ava'
import { checkUser } from '../../../lib/check/user.ts'

test('a user is given by name or number, with a group or without', (t) => {
  for (const user of ['nobody', '65534', 'user@realm', 'DOMAIN\\user']) t.is(checkUser(user), user)
  t.is(checkUser('nobody', 'nogroup'), 'nobody:nogroup')
})

test('what cannot be a user or a group is refused', (t) => {
  for (const user of ['', 'a b', 'a:b', '-a', 'a\0', 7, null])
    t.throws(() => checkUser(user), { message: /: expected the name or the number of a user$/u })
  t.throws(() => checkUser('nobody', ''), {
    message: 'Invalid group "": expected the name or the number of a group',
  })
})
