/**
 * Preloaded into a program (`--import`): at its end, writes as JSON to the file of `TUN2UDP_LOADED` which of Node's
 * modules were loaded after this one, and which properties of `Intl` were used.
 */
import { writeFileSync } from 'node:fs'

const before = new Set(process.moduleLoadList)
const intl = new Set()

globalThis.Intl = new Proxy(Intl, {
  get(target, name, receiver) {
    intl.add(String(name))
    return Reflect.get(target, name, receiver)
  },
})

process.on('exit', () => {
  const modules = process.moduleLoadList
    .filter((name) => !before.has(name) && name.startsWith('NativeModule '))
    .map((name) => name.slice('NativeModule '.length))
  const file = process.env.TUN2UDP_LOADED
  writeFileSync(file, JSON.stringify({ modules, intl: [...intl] }))
})
