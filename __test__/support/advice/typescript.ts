// Finds the texts of advice in the TypeScript sources.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const FOLDERS = ['lib', 'bin']
/** The end of a message that states what the caller can do. */
const IMPERATIVE =
  /; ((?:call|check|give|leave|let|listen|mount|open|resolve|start|use)\b[^;]*?)(?:, as in [^;]*)?$/u

/** Returns the texts of advice in the sources, with the first file of each. `{}` stands for a value. */
export function typescriptAdvice(root: string): Map<string, string> {
  const program = new Sources(root)
  const texts = new Map<string, string>()
  for (const [file, found] of program.advice()) if (!texts.has(found)) texts.set(found, file)
  return texts
}

class Sources {
  readonly #files: readonly ts.SourceFile[]
  readonly #functions = new Map<string, ts.FunctionDeclaration>()
  readonly #constants = new Map<string, ts.Expression>()

  constructor(root: string) {
    const paths = FOLDERS.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => join(folder, name)),
    )
    this.#files = paths.sort().map((path) => {
      const text = readFileSync(join(root, path), 'utf8')
      return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
    })
    for (const { node } of this.#nodes()) {
      if (ts.isFunctionDeclaration(node) && node.name) this.#functions.set(node.name.text, node)
      if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
        if (node.name.text !== 'advice') this.#constants.set(node.name.text, node.initializer)
      }
    }
  }

  *advice(): Generator<[file: string, text: string]> {
    for (const { file, node } of this.#nodes()) {
      for (const expression of this.#adviceIn(node)) {
        for (const text of this.#textsOf(expression)) yield [file, text]
      }
      const [, end] = IMPERATIVE.exec(textOf(node) ?? '') ?? []
      if (end !== undefined) yield [file, end]
    }
  }

  *#nodes(): Generator<{ file: string; node: ts.Node }> {
    for (const source of this.#files) {
      for (const node of descendants(source)) yield { file: source.fileName, node }
    }
  }

  /** Returns the values of properties, variables and parameters that are called `advice`. */
  #adviceIn(node: ts.Node): ts.Expression[] {
    if (ts.isPropertyAssignment(node) && node.name.getText() === 'advice') return [node.initializer]
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'advice' && node.initializer) {
      return [node.initializer]
    }
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return []
    const parameters = this.#functions.get(node.expression.text)?.parameters ?? []
    return node.arguments.filter((_, index) => parameters[index]?.name.getText() === 'advice')
  }

  #textsOf(expression: ts.Expression): string[] {
    const text = textOf(expression)
    if (text !== undefined) return [text]
    if (ts.isConditionalExpression(expression)) {
      return [...this.#textsOf(expression.whenTrue), ...this.#textsOf(expression.whenFalse)]
    }
    if (ts.isBinaryExpression(expression)) {
      return [...this.#textsOf(expression.left), ...this.#textsOf(expression.right)]
    }
    if (ts.isIdentifier(expression)) {
      const constant = this.#constants.get(expression.text)
      return constant === undefined ? [] : this.#textsOf(constant)
    }
    if (!ts.isCallExpression(expression) || !ts.isIdentifier(expression.expression)) return []
    const called = this.#functions.get(expression.expression.text)
    return called === undefined ? [] : this.#textsReturnedBy(called)
  }

  #textsReturnedBy(called: ts.FunctionDeclaration): string[] {
    return [...descendants(called)].flatMap((node) =>
      ts.isReturnStatement(node) && node.expression ? this.#textsOf(node.expression) : [],
    )
  }
}

function* descendants(node: ts.Node): Generator<ts.Node> {
  yield node
  // Without the text of the file, since tokens are not needed.
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => {
    children.push(child)
  })
  for (const child of children) yield* descendants(child)
}

/** Returns the text of a literal, a template or a sum of both. */
function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) {
    return node.head.text + node.templateSpans.map(({ literal }) => `{}${literal.text}`).join('')
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [textOf(node.left), textOf(node.right)]
    return left === undefined || right === undefined ? undefined : left + right
  }
  return undefined
}
