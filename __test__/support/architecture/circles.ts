import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import ts from 'typescript'
import { filesIn } from './files.ts'

/**
 * Returns the circles among the published TypeScript files under `root`, imports of types included: one line each,
 * with the files in the order in which they import each other.
 */
export function circlesOfFiles(root: string): string[] {
  const files = ['index.ts', ...filesIn(root, 'lib', '.ts'), ...filesIn(root, 'bin', '.ts')]
  const imports = new Map(files.map((file) => [file, importsOf(root, file)]))
  const found = new Set<string>()
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file)
    if (start >= 0) found.add([...path.slice(start), file].join(' → '))
    if (start >= 0 || done.has(file)) return
    for (const target of imports.get(file) ?? []) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return [...found]
}

function importsOf(root: string, file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true)
  const relative = importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
  return relative.map(({ fileName }) => normalize(join(dirname(file), fileName)))
}
