import { pageTest } from '../../support/docs/page.ts'
import { packets } from '../../support/docs/walks/packets.ts'

pageTest('docs/guides/packets.md', packets)
