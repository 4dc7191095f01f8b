import { pageTest } from '../../support/docs/page.ts'
import { firstTunnel } from '../../support/docs/walks/firstTunnel.ts'

pageTest('docs/guides/first-tunnel.md', firstTunnel)
