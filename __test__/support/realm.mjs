// Evaluates the built package inside a `node:vm` context, as Jest and Vitest (vmThreads) do, and runs an
// asynchronous function of that context, whose text is the argument. Prints its result as JSON. Requires
// --experimental-vm-modules.
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'

const INDEX = new URL('../../dist/index.js', import.meta.url).href
/** Globals of the main realm that Jest and Vitest pass to a context. */
const SHARED = [
  'process',
  'Buffer',
  'AbortController',
  'AbortSignal',
  'setTimeout',
  'setImmediate',
  'clearTimeout',
  'ReadableStream',
  'WritableStream',
  'EventTarget',
  'Event',
  'URL',
  'performance',
  'queueMicrotask',
  'console',
]
const context = vm.createContext(Object.fromEntries(SHARED.map((name) => [name, globalThis[name]])))
const modules = new Map()

/** Returns a module of Node or of node_modules, which belongs to the main realm. */
async function foreign(specifier) {
  const namespace = await import(specifier)
  const module = new vm.SyntheticModule(
    Object.keys(namespace),
    () => {
      for (const [name, value] of Object.entries(namespace)) module.setExport(name, value)
    },
    { context },
  )
  return module
}

/** Returns a module. Those that import the same one at the same time must get the same. */
function load(specifier, referrer) {
  const isOwn = specifier.startsWith('.') || specifier.startsWith('file:')
  const identifier = isOwn ? new URL(specifier, referrer).href : specifier
  if (!modules.has(identifier)) {
    const module = isOwn
      ? new vm.SourceTextModule(readFileSync(fileURLToPath(identifier), 'utf8'), {
          context,
          identifier,
          initializeImportMeta: (meta) => {
            meta.url = identifier
          },
        })
      : foreign(isBuiltin(specifier) ? specifier : import.meta.resolve(specifier))
    modules.set(identifier, module)
  }
  return modules.get(identifier)
}

const index = await load(INDEX, import.meta.url)
await index.link((specifier, { identifier }) => load(specifier, identifier))
await index.evaluate()
const run = vm.runInContext(`(${process.argv[2]})`, context)
console.log(JSON.stringify(await run(index.namespace)))
