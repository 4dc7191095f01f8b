import test from 'ava'
import typescript from 'typescript'
import { blocksOf } from '../support/docs/markdown.ts'
import { pages } from '../support/docs/pages.ts'
import { PRELUDES } from '../support/docs/preludes.ts'
import { ROOT } from '../support/docs/root.ts'

/** As the package's own, but that the package is what a page imports. */
function options(): typescript.CompilerOptions {
  const { config } = typescript.readConfigFile(`${ROOT}tsconfig.json`, (path) =>
    typescript.sys.readFile(path),
  ) as { config: unknown }
  const parsed = typescript.parseJsonConfigFileContent(config, typescript.sys, ROOT)
  // What a page shows need not use all that it makes.
  const { noUnusedLocals: _locals, noUnusedParameters: _parameters, ...strict } = parsed.options
  return { ...strict, noEmit: true, paths: { tun2udp: [`${ROOT}index.ts`] } }
}

/** The TypeScript of all pages, as files that are nowhere but in memory; their keys are paths. */
function programs(): Map<string, string> {
  const files = new Map<string, string>()
  for (const page of pages()) {
    const blocks = blocksOf(page).filter(({ language }) => language === 'ts')
    blocks.forEach(({ text, line }, index) => {
      const prelude = PRELUDES[page]?.[index] ?? ''
      files.set(`${ROOT}target/pages/${page}:${line}.ts`, `${text}\nexport {}\n${prelude}\n`)
    })
  }
  return files
}

test('the TypeScript of all pages compiles against the package as it is', (t) => {
  const files = programs()
  t.true(files.size > 10)
  const settings = options()
  const host = typescript.createCompilerHost(settings)
  const { readFile, fileExists, getSourceFile } = host
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path)
  host.readFile = (path) => files.get(path) ?? readFile.call(host, path)
  host.getSourceFile = (path, ...rest) => {
    const text = files.get(path)
    if (text === undefined) return getSourceFile.call(host, path, ...rest)
    return typescript.createSourceFile(path, text, rest[0])
  }
  const program = typescript.createProgram([...files.keys()], settings, host)
  const problems = typescript.getPreEmitDiagnostics(program)
  t.is(typescript.formatDiagnostics(problems, host), '')
})

test('a mistake in a page is seen', (t) => {
  const path = `${ROOT}target/pages/mistake.ts`
  const settings = options()
  const host = typescript.createCompilerHost(settings)
  const { getSourceFile } = host
  const text = "import { Relay } from 'tun2udp'\nawait Relay.start({ address: '10.0.0.1' })\n"
  host.getSourceFile = (name, ...rest) =>
    name === path
      ? typescript.createSourceFile(name, text, rest[0])
      : getSourceFile.call(host, name, ...rest)
  const program = typescript.createProgram([path], settings, host)
  t.regex(typescript.formatDiagnostics(typescript.getPreEmitDiagnostics(program), host), /address/u)
})
