import { OPTIONS } from '../../support/advice/options.ts'
import { adviceTests } from '../../support/advice/room.ts'

adviceTests(OPTIONS)
