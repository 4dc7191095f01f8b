import { NETLINK } from '../../support/advice/netlink.ts'
import { adviceTests } from '../../support/advice/room.ts'

adviceTests(NETLINK)
