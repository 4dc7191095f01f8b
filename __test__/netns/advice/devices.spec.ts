import { adviceTests } from '../../support/advice/room.ts'
import { DEVICES } from '../../support/advice/devices.ts'

adviceTests(DEVICES)
