/**
 * Prints a CycloneDX 1.5 bill of materials of the published packages: the crates that are linked into
 * the addons, and the npm packages that are bundled with the library and the programs.
 */
import { readFileSync } from 'node:fs'
import { linkedCrates } from './linked-crates.js'

const read = (path) => JSON.parse(readFileSync(path, 'utf8'))
const { name, version, dependencies } = read('package.json')
const { packages } = read('package-lock.json')

const component = (kind, part, licence) => ({
  type: 'library',
  name: part.name,
  version: part.version,
  purl: `pkg:${kind}/${part.name}@${part.version}`,
  licenses: [{ expression: licence }],
})
const crates = [...linkedCrates().values()].map((crate) => component('cargo', crate, crate.license))
const modules = Object.keys(dependencies).map((module) => {
  const locked = packages[`node_modules/${module}`]
  return component('npm', { name: module, version: locked.version }, locked.license)
})

const bill = {
  bomFormat: 'CycloneDX',
  specVersion: '1.5',
  version: 1,
  metadata: { component: { type: 'library', name, version, purl: `pkg:npm/${name}@${version}` } },
  components: [...crates, ...modules],
}
console.log(JSON.stringify(bill, undefined, 2))
