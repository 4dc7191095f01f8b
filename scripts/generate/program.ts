/**
 * Writes the manual pages and completions into a folder, from those of the tree and the table of options. The
 * build runs it; git does not contain the results. Those of tunctl are written by hand.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bash, fish, zsh } from './completions.ts'
import { fileManual, manual } from './manual.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('usage: program.ts FOLDER')
for (const kind of ['man', 'completions']) {
  mkdirSync(join(folder, kind), { recursive: true })
  cpSync(join(ROOT, kind), join(folder, kind), { recursive: true })
}
writeFileSync(join(folder, 'man/tun2udp.8'), manual(read('man/tun2udp.8'), read('docs/relay.md')))
writeFileSync(join(folder, 'man/tun2udp.conf.5'), fileManual(read('man/tun2udp.conf.5')))
// The package installs tunctl under this name, since uml-utilities may have installed the original one.
cpSync(join(ROOT, 'man/tunctl.8'), join(folder, 'man/tun2udp-tunctl.8'))
writeFileSync(join(folder, 'completions/tun2udp.bash'), bash())
writeFileSync(join(folder, 'completions/tun2udp.fish'), fish())
writeFileSync(join(folder, 'completions/_tun2udp'), zsh())
