import { integer } from '../check/fields.ts'
import { checkBindDevice } from '../check/interface.ts'
import { checked, wholeOr } from '../options/forms.ts'
import type { Form } from '../options/table.ts'

// Forms of the options about the datagrams on their way to the peer.

/** The name of the interface that sockets are bound to. */
export const bindDevice = checked('string', checkBindDevice)

/** The largest mark, which has 32 bits. */
const MARK_MAX = 4_294_967_295

/** A firewall mark, decimal or hexadecimal. */
export const fwmark: Form<number> = {
  type: 'number',
  check: integer(0, MARK_MAX),
  range: [0, MARK_MAX],
  spelling: {
    parse: (text) => {
      const mark = /^(\d{1,10}|0x[\da-f]{1,8})$/iu.test(text) ? Number(text) : MARK_MAX + 1
      return mark <= MARK_MAX ? mark : undefined
    },
    expected: 'a mark from 0 to 4294967295, such as 51820 or 0xca6c',
  },
}

/** The largest DSCP, which has 6 bits, and the number that the native layer takes for that of the packet. */
const DSCP_MAX = 63
const DSCP_INHERIT = 64

/** A DSCP, or `inherit`. */
export const dscp = wholeOr(0, DSCP_MAX, { inherit: DSCP_INHERIT })
