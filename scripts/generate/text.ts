import type { OptionDescription } from '../../lib/options/table.ts'

/** Capitalizes the first letter of a sentence, unless it begins with code or a name. */
export function sentence(phrase: string): string {
  const isWord = /^[a-z](?!\()/u.test(phrase)
  const text = isWord ? phrase.charAt(0).toUpperCase() + phrase.slice(1) : phrase
  return text.endsWith('.') ? text : `${text}.`
}

/** Returns the description of an option, in whole sentences, in Markdown. */
export function sentencesOf({ help, details, default: otherwise }: OptionDescription): string {
  const parts = [sentence(help), details, otherwise === undefined ? '' : `Default: ${otherwise}.`]
  return parts.filter((part) => part !== undefined && part !== '').join(' ')
}

/** Breaks a text into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`
    } else lines.push(word)
  }
  return lines
}

/**
 * Splits `--mtu <bytes>` into its name and its argument. The argument of a switch is empty; `--help, -h` has
 * the name `--help`.
 */
export function splitFlag(flag: string): { name: string; argument: string } {
  const [name = '', argument = ''] = flag.replace(/, -\w$/u, '').split(' ')
  return { name, argument: argument.replace(/^<|>$/gu, '') }
}
