import { execFileSync } from 'node:child_process'
import { follow } from '../support/docs/page.ts'
import { firstTunnel } from '../support/docs/walks/firstTunnel.ts'
import { nat } from '../support/docs/walks/nat.ts'
import { packets } from '../support/docs/walks/packets.ts'
import { readme } from '../support/docs/walks/readme.ts'
import { tapWithoutRoot } from '../support/docs/walks/tapWithoutRoot.ts'
import { twoMachines } from '../support/docs/walks/twoMachines.ts'
import type { Walk } from '../support/docs/walks/walk.ts'
import { emptyMachines } from '../support/packages/emptyMachine.ts'
import { hasPackages } from '../support/packages/tarballs.ts'
import { hasTools, rootTest } from '../support/skip.ts'

/** The oldest Node that the package supports; by default the Node of the tests. */
const NODE = process.env['TUN2UDP_OLDEST_NODE'] ?? process.execPath

const PAGES: Readonly<Record<string, { walk: Walk; tools?: readonly string[] }>> = {
  'README.md': { walk: readme, tools: ['setpriv'] },
  'docs/guides/first-tunnel.md': { walk: firstTunnel },
  'docs/guides/two-machines.md': { walk: twoMachines },
  'docs/guides/packets.md': { walk: packets },
  'docs/guides/nat.md': { walk: nat, tools: ['nft'] },
  'docs/guides/tap-without-root.md': { walk: tapWithoutRoot, tools: ['setpriv'] },
}

for (const [page, { walk, tools = [] }] of Object.entries(PAGES)) {
  rootTest(`the first hour: ${page}, on an empty machine`, async (t) => {
    if (!hasPackages(t) || !hasTools(t, 'npm', ...tools)) return
    t.log(`Node ${execFileSync(NODE, ['--version'], { encoding: 'utf8' }).trim()}`)
    await follow(t, page, walk, await emptyMachines(t, NODE))
  })
}
