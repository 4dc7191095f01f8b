import { HANDOVER } from '../../support/advice/handover.ts'
import { adviceTests } from '../../support/advice/room.ts'

adviceTests(HANDOVER)
