import { pageTest } from '../../support/docs/page.ts'
import { twoMachines } from '../../support/docs/walks/twoMachines.ts'

pageTest('docs/guides/two-machines.md', twoMachines)
