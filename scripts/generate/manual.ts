import { HELP, PROGRAM_OPTIONS, VERSION } from '../../bin/tun2udp/options.ts'
import { sentence, splitFlag } from './text.ts'

/** The line of the manual page that the options take the place of. */
const MARK = '.\\" OPTIONS: scripts/generate writes them from bin/tun2udp/options.ts.\n'

/** Puts the options into the manual page of tun2udp, in the language of mdoc(7). */
export function manual(page: string): string {
  const [before, after, ...more] = page.split(MARK)
  if (before === undefined || after === undefined || more.length > 0)
    throw new Error(`man/tun2udp.8 does not have the line ${MARK.trim()} once`)
  const options = PROGRAM_OPTIONS.flatMap(
    ({ flag, negation, help, details, isRepeatable, default: otherwise }) => {
      const texts = [
        help,
        ...(isRepeatable ? ['May be repeated.'] : []),
        ...(details === undefined ? [] : [details]),
        ...(otherwise === undefined ? [] : [`The default is ${otherwise}.`]),
      ]
      const items = [item(flag, texts)]
      return negation ? [...items, item(negation.flag, [negation.help])] : items
    },
  )
  const ends = [
    item(HELP.flag, [HELP.help, 'The option `-h` does the same.']),
    item(VERSION.flag, [VERSION.help]),
  ]
  return `${before}${[...options, ...ends].join('')}${after}`
}

function item(flag: string, texts: readonly string[]): string {
  const { name, argument } = splitFlag(flag)
  const takes = argument === '' ? '' : ` Ar ${argumentOf(argument)}`
  // Each sentence begins a line, as mdoc(7) asks.
  const lines = texts.flatMap((text) => sentence(text).split(/(?<=\.) (?=[A-Z0-9`])/u))
  return `.It Fl ${name.slice(1)}${takes}\n${lines.map(format).join('\n')}\n`
}

/** `address[/prefix]` becomes `address Ns Op / Ns Ar prefix`, `peer|any` becomes `peer | any`. */
function argumentOf(argument: string): string {
  return argument
    .replaceAll(/\[(?<mark>\W)(?<rest>\w+)\]/gu, ' Ns Op $<mark> Ns Ar $<rest>')
    .replaceAll('|', ' | ')
}

/** Code is bold; a line that begins with a dot or quote would be a request. */
function format(line: string): string {
  const text = line
    .replaceAll('\\', '\\e')
    .replaceAll(/`(?<code>[^`]*)`/gu, '\\fB$<code>\\fR')
    .replaceAll(/\[(?<name>[^\]]*)\]\([^)]*\)/gu, '$<name>')
  return /^[.']/u.test(text) ? `\\&${text}` : text
}
