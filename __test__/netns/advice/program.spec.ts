import { PROGRAM_CASES } from '../../support/advice/program.ts'
import { adviceTests } from '../../support/advice/room.ts'

adviceTests(PROGRAM_CASES)
