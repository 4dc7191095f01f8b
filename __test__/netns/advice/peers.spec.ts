import { PEERS } from '../../support/advice/peers.ts'
import { adviceTests } from '../../support/advice/room.ts'

adviceTests(PEERS)
