import test from 'ava'
import typescript from 'typescript'
import { blocksOf } from '../support/docs/markdown.ts'
import { pages } from '../support/docs/pages.ts'
import { PRELUDES } from '../support/docs/preludes.ts'
import { ROOT } from '../support/docs/root.ts'

/** Returns the compiler options of the package, except that pages import the package by name. */
function options(): typescript.CompilerOptions {
  const { config } = typescript.readConfigFile(`${ROOT}tsconfig.json`, (path) =>
    typescript.sys.readFile(path),
  ) as { config: unknown }
  const parsed = typescript.parseJsonConfigFileContent(config, typescript.sys, ROOT)
  // A page need not use everything that it declares.
  const loose = { noUnusedLocals: false, noUnusedParameters: false }
  return { ...parsed.options, ...loose, noEmit: true, paths: { tun2udp: [`${ROOT}index.ts`] } }
}

/**
 * Returns the programs of all pages, as files in memory by path. Those in JavaScript are checked as
 * TypeScript too, which finds more errors.
 */
function programs(): Map<string, string> {
  const files = new Map<string, string>()
  for (const page of pages()) {
    const blocks = blocksOf(page).filter(({ language }) => language === 'ts' || language === 'js')
    blocks.forEach(({ text, line }, index) => {
      const prelude = PRELUDES[page]?.[index] ?? ''
      files.set(`${ROOT}target/pages/${page}:${line}.ts`, `${text}\nexport {}\n${prelude}\n`)
    })
  }
  return files
}

/** Returns the compiler's errors for files that exist only in memory. */
function diagnostics(files: ReadonlyMap<string, string>): string {
  const settings = options()
  const disk = typescript.createCompilerHost(settings)
  const host: typescript.CompilerHost = {
    ...disk,
    fileExists: (path) => files.has(path) || disk.fileExists(path),
    readFile: (path) => files.get(path) ?? disk.readFile(path),
    getSourceFile: (path, ...rest) => {
      const text = files.get(path)
      if (text === undefined) return disk.getSourceFile(path, ...rest)
      return typescript.createSourceFile(path, text, rest[0])
    },
  }
  const program = typescript.createProgram([...files.keys()], settings, host)
  return typescript.formatDiagnostics(typescript.getPreEmitDiagnostics(program), host)
}

test('the JavaScript and TypeScript of all pages compile against the package as it is', (t) => {
  const files = programs()
  t.true(files.size > 10)
  t.is(diagnostics(files), '')
})

test('a mistake in a page is seen', (t) => {
  const text = "import { startRelay } from 'tun2udp'\nawait startRelay({ address: '10.0.0.1' })\n"
  t.regex(diagnostics(new Map([[`${ROOT}target/pages/mistake.ts`, text]])), /'address' does not/u)
})
