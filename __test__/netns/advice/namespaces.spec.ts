import { NAMESPACES } from '../../support/advice/namespaces.ts'
import { adviceTests } from '../../support/advice/room.ts'

adviceTests(NAMESPACES)
