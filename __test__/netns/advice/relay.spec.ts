import { RELAY } from '../../support/advice/relay.ts'
import { adviceTests } from '../../support/advice/room.ts'

adviceTests(RELAY)
