import { PROGRAM_OPTIONS, type ProgramOption, RELAY_OPTIONS } from '../../bin/tun2udp/options.ts'
import { STATUS_MEANINGS } from '../../bin/tun2udp/status.ts'
import type { CounterDescription } from '../../lib/relay/counters.ts'
import { sentence, splitFlag } from './text.ts'

const OF_LIBRARY: readonly unknown[] = RELAY_OPTIONS

/** Returns the table of the options for docs/tun2udp.md. */
export function optionTable(): string {
  const rows = PROGRAM_OPTIONS.map((option) => {
    const { flag, negation, form } = option
    const words = typeof form.completion === 'object' ? form.completion.words : []
    const flags = [flag, ...(negation ? [negation.flag] : [])]
    return [
      flags.map((one) => shown(one, words)).join(', '),
      effectOf(option),
      option.default ?? '',
      OF_LIBRARY.includes(option) ? `\`${option.name}\`` : '',
    ]
  })
  const ends = [`\`--help\`, \`-h\`, \`--version\``, '', '', '']
  return table(['option', 'what it does', 'default', 'in the library'], [...rows, ends])
}

/** Returns the table of the counters for docs/tun2udp.md. */
export function counterTable(counters: readonly CounterDescription[]): string {
  const rows = counters.map(({ direction, name, isDrop, unit, words, help }) => [
    `\`${direction}.${isDrop ? 'dropped.' : ''}${name}\``,
    unit,
    help,
    words ?? (isDrop ? name : ''),
  ])
  return table(['counter', 'unit', 'what it counts', 'in a line of text'], rows)
}

/** Returns the table of the exit statuses for docs/tun2udp.md. */
export function statusTable(): string {
  const rows = [...STATUS_MEANINGS].map(([status, text]) => [String(status), text])
  return table(['status', 'meaning'], rows)
}

/** Replaces the text between the marks that begin with `name`. */
export function insert(page: string, name: string, text: string): string {
  const begin = `<!-- ${name}: written by \`npm run generate\` -->`
  const end = `<!-- end of ${name} -->`
  const [before, rest] = splitOnce(page, begin)
  const [, after] = splitOnce(rest, end)
  return `${before}${begin}\n\n${text}\n\n${end}${after}`
}

function splitOnce(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark)
  if (at === -1) throw new Error(`the page has no line ${mark}`)
  return [text.slice(0, at), text.slice(at + mark.length)]
}

function effectOf({ help, details, isRepeatable }: ProgramOption): string {
  const text = sentence(isRepeatable ? `${help} (repeatable)` : help)
  return details === undefined ? text.slice(0, -1) : `${text} ${details}`
}

/** Converts the argument: `--queues <number|auto>` becomes `--queues NUMBER|auto`. Literal words are kept. */
function shown(flag: string, words: readonly string[]): string {
  const { name, argument } = splitFlag(flag)
  const typed = argument.replaceAll(/\w+/gu, (word) =>
    words.includes(word) ? word : word.toUpperCase(),
  )
  return `\`${[name, typed].join(' ').trim()}\``
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`.replaceAll(
      /\| {2}(?=\|)/gu,
      '| ',
    )
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
