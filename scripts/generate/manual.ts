import { HELP, PROGRAM_OPTIONS, VERSION } from '../../bin/tun2udp/options.ts'
import { STATUS_MEANINGS } from '../../bin/tun2udp/status.ts'
import { COUNTERS } from '../../lib/relay/counters.ts'
import { FILE_OPTIONS } from './schema.ts'
import { sentence, sentencesOf, splitFlag } from './text.ts'

/**
 * Fills in the lists of the manual page of tun2udp, in the language of mdoc(7). Each list replaces a line
 * `.\" NAME: …`.
 *
 * @param relayPage docs/relay.md, which has the table of the events.
 */
export function manual(page: string, relayPage: string): string {
  const lists = {
    OPTIONS: options(),
    STATUSES: [...STATUS_MEANINGS].map(([status, text]) => tagged(String(status), text)),
    COUNTERS: COUNTERS.map(({ direction, name, isDrop, words, help }) => {
      const text = words ?? (isDrop ? name : undefined)
      const printed = text === undefined ? '' : ` Printed as \`${text}\`.`
      return tagged(`${direction}.${isDrop ? 'dropped.' : ''}${name}`, `${help}${printed}`)
    }),
    NOTICES: events(relayPage).map(([kind, text]) => tagged(kind, text)),
  }
  return filledIn(page, lists)
}

/** Fills in the list of the options in the manual page of the configuration file, tun2udp.conf(5). */
export function fileManual(page: string): string {
  const list = FILE_OPTIONS.map(([name, description]) =>
    tagged(name, description.declaration ?? sentencesOf(description)),
  )
  return filledIn(page, { OPTIONS: list })
}

function filledIn(page: string, lists: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(lists).reduce((text, [name, list]) => {
    const parts = text.split(new RegExp(`^\\.\\\\" ${name}: .*\\n`, 'mu'))
    if (parts.length !== 2) throw new Error(`the page does not have the line ${name} once`)
    return parts.join(list.join(''))
  }, page)
}

function options(): string[] {
  const items = PROGRAM_OPTIONS.flatMap(
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
  const help = item(HELP.flag, [HELP.help, 'The option `-h` does the same.'])
  return [...items, help, item(VERSION.flag, [VERSION.help])]
}

/** Returns kind and description of each event in the table of the page. */
function events(page: string): [kind: string, text: string][] {
  const rows = [...page.matchAll(/^\| `(?<kind>[a-z-]+)` +\| (?<text>[^|]+?) *\|/gmu)]
  if (rows.length === 0) throw new Error('docs/relay.md has no table of events')
  // Skips the headings, the rows of the page's other table, and the event that only readers in JavaScript
  // receive.
  const others = ['kind', 'type', 'opened', 'closed', 'event', 'error', 'events-lost']
  return rows.flatMap(({ groups: { kind = '', text = '' } = {} }) =>
    others.includes(kind) ? [] : [[kind, text]],
  )
}

function tagged(tag: string, text: string): string {
  return `.It Li ${tag}\n${linesOf(text)}\n`
}

function item(flag: string, texts: readonly string[]): string {
  const { name, argument } = splitFlag(flag)
  const takes = argument === '' ? '' : ` Ar ${argumentOf(argument)}`
  return `.It Fl ${name.slice(1)}${takes}\n${texts.map(linesOf).join('\n')}\n`
}

/** Starts each sentence on a new line, as mdoc(7) requires. */
function linesOf(text: string): string {
  const lines = sentence(text).split(/(?<=\.) (?=[A-Z0-9`])/u)
  return lines.map(format).join('\n')
}

/** `address[/prefix]` becomes `address Ns Op / Ns Ar prefix`, `peer|any` becomes `peer | any`. */
function argumentOf(argument: string): string {
  return argument
    .replaceAll(/\[(?<mark>\W)(?<rest>\w+)\]/gu, ' Ns Op $<mark> Ns Ar $<rest>')
    .replaceAll('|', ' | ')
}

/** Formats code in bold. Escapes a line that begins with a dot or a quote, because it would be a request. */
function format(line: string): string {
  const text = line
    .replaceAll('\\', '\\e')
    .replaceAll('…', '...')
    .replaceAll(/`(?<code>[^`]*)`/gu, '\\fB$<code>\\fR')
    .replaceAll(/\[(?<name>[^\]]*)\]\([^)]*\)/gu, '$<name>')
  return /^[.']/u.test(text) ? `\\&${text}` : text
}
