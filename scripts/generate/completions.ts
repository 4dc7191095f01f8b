import { COMMANDS, type Command, optionsOf } from '../../bin/tun2udp/commands/table.ts'
import { HELP, PROGRAM_OPTIONS, VERSION } from '../../bin/tun2udp/options.ts'
import type { Completion, OptionDescription } from '../../lib/options/table.ts'
import { sentence, splitFlag } from './text.ts'

const MENU_WIDTH = 60

interface Flag {
  readonly name: string
  readonly argument: string
  /** A short phrase. */
  readonly help: string
  readonly isRepeatable: boolean
  readonly completion: Completion | undefined
}

const FLAGS: readonly Flag[] = [
  ...PROGRAM_OPTIONS.flatMap((option) => {
    const { negation } = option
    const flag = toFlag(option.flag, option)
    return negation ? [flag, toFlag(negation.flag, negation)] : [flag]
  }),
  toFlag(HELP.flag, HELP),
  toFlag(VERSION.flag, VERSION),
]

/** Prints the names of the relays that have a socket in the folder of root, or of the user. */
const RELAYS =
  'for d in /run/tun2udp "${XDG_RUNTIME_DIR:-/nonexistent}/tun2udp"; do cd "$d" 2>/dev/null || continue; ' +
  "printf '%s\\n' *.sock */*.sock | sed -n 's,^\\(.*/\\)\\?\\([^*]*\\)\\.sock$,\\2,p'; done"

/** Returns whether an operand of a command is a file. */
function takesFile({ usage }: Command): boolean {
  return usage.includes('FILE')
}

/** Returns the words that can follow a command, without the names of relays. */
function wordsBehind(command: Command): string {
  return [...(command.actions ?? []), ...optionsOf(command), '--help'].join(' ')
}

/** Returns whether a command takes the name of a relay. */
function takesRelay({ usage }: Command): boolean {
  return usage.includes('[NAME]')
}

/** The commands that take a file, as a pattern of the shells. */
const FILE_COMMANDS = COMMANDS.filter(takesFile)
  .map(({ name }) => name)
  .join(' | ')

const WORDS_OF_BASH: Readonly<Record<string, string>> = {
  user: 'compgen -u',
  host: 'compgen -A hostname',
  file: 'compgen -f',
  namespace: `compgen -W "$(ls /run/netns 2>/dev/null)"`,
}

/** Returns the completion of bash. */
export function bash(): string {
  const cases = FLAGS.flatMap(({ name, completion }) => {
    if (completion === undefined) return []
    const words =
      typeof completion === 'string'
        ? (WORDS_OF_BASH[completion] ?? '')
        : `compgen -W '${completion.words.join(' ')}'`
    return [`    ${name}) mapfile -t COMPREPLY < <(${words} -- "$cur") ;;`]
  })
  const plain = FLAGS.filter(({ argument, completion }) => argument !== '' && !completion)
  return `# bash completion of tun2udp: source it, or link it into ~/.local/share/bash-completion/completions as tun2udp.
# shellcheck shell=bash

_tun2udp_relays() {
  (${RELAYS})
}

_tun2udp() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
  local options='${FLAGS.map(({ name }) => name).join(' ')}'
  COMPREPLY=()
  if [ "$COMP_CWORD" -gt 1 ]; then
    local words=
    case \${COMP_WORDS[1]} in
${COMMANDS.map((command) => `      ${command.name}) words="${wordsBehind(command)}${takesRelay(command) ? ' $(_tun2udp_relays)' : ''}" ;;`).join('\n')}
    esac
    if [ -n "$words" ]; then
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
      case \${COMP_WORDS[1]} in
        ${FILE_COMMANDS}) mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur") ;;
      esac
      return
    fi
  fi
  case $prev in
${cases.join('\n')}
    # Arguments without suggestions.
    ${plain.map(({ name }) => name).join(' | ')}) ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
  esac
  [ "$COMP_CWORD" -ne 1 ] || mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -W '${COMMANDS.map(({ name }) => name).join(' ')}' -- "$cur")
}

complete -F _tun2udp tun2udp
`
}

const WORDS_OF_FISH: Readonly<Record<string, string>> = {
  user: '(__fish_complete_users)',
  host: '(__fish_print_hostnames)',
  namespace: '(__tun2udp_namespaces)',
}

/** The condition of fish for the options of a relay. */
const NO_COMMAND = `not __fish_seen_subcommand_from ${COMMANDS.map(({ name }) => name).join(' ')}`

/** Returns the completion of fish. */
export function fish(): string {
  const lines = FLAGS.map(({ name, argument, help, completion }) => {
    const words =
      typeof completion === 'string' ? WORDS_OF_FISH[completion] : completion?.words.join(' ')
    const suggested = words === undefined ? '' : ` -a '${words}'`
    // Files are suggested nowhere else.
    const takesFile = completion === 'file' ? ' -r -F' : ` -x${suggested}`
    const takes = argument === '' ? '' : takesFile
    const said = sentence(help)
      .slice(0, -1)
      .replaceAll("'", String.raw`\'`)
    return `complete -c tun2udp -n '${NO_COMMAND}' -l ${name.slice(2)}${takes} -d '${said}'`
  })
  return `# fish completion of tun2udp: put it into ~/.config/fish/completions.

function __tun2udp_namespaces
    for file in /run/netns/*
        string replace /run/netns/ '' $file
    end
end

complete -c tun2udp -f
function __tun2udp_relays
    sh -c ${quoted(RELAYS)}
end

${COMMANDS.map(fishCommand).join('\n')}
${lines.join('\n')}
`
}

function fishCommand(command: Command): string {
  const { name, help } = command
  const condition = `-n '__fish_seen_subcommand_from ${name}'`
  return [
    `complete -c tun2udp -n __fish_is_first_arg -a ${name} -d '${sentence(help).slice(0, -1)}'`,
    `complete -c tun2udp ${condition} -a '${wordsBehind(command)}'`,
    ...(takesRelay(command) ? [`complete -c tun2udp ${condition} -a '(__tun2udp_relays)'`] : []),
    ...(takesFile(command) ? [`complete -c tun2udp ${condition} -F`] : []),
  ].join('\n')
}

const WORDS_OF_ZSH: Readonly<Record<string, string>> = {
  user: '_users',
  host: '_hosts',
  file: '_files',
  namespace: '_tun2udp_namespaces',
}

/** Returns the completion of zsh. */
export function zsh(): string {
  const specs = FLAGS.map(({ name, argument, help, isRepeatable, completion }) => {
    const said = help.replaceAll(/[[\]:]/gu, String.raw`\$&`)
    const takes = argument === '' ? '' : `:${labelOf(argument)}:${zshWords(completion)}`
    return `  ${quoted(`${isRepeatable ? '*' : ''}${name}[${said}]${takes}`)}`
  })
  return `#compdef tun2udp
# zsh completion of tun2udp: put it into a folder of $fpath.

_tun2udp_relays() {
  (${RELAYS.replace('*.sock */*.sock', '*.sock(N) */*.sock(N)')})
}

_tun2udp_namespaces() {
  local -a namespaces=(/run/netns/*(N:t))
  _describe namespace namespaces
}

if ((CURRENT > 2)); then
  case $words[2] in
${COMMANDS.map((command) => `    ${command.name}) compadd -- ${wordsBehind(command)}${takesRelay(command) ? ' $(_tun2udp_relays)' : ''}${takesFile(command) ? '; _files' : ''}; return ;;`).join('\n')}
  esac
fi

_arguments \\
  '1:address of the interface, or a command:(${COMMANDS.map(({ name }) => name).join(' ')})' \\
  '2:UDP port of the peer: ' \\
  '3:UDP port of this end: ' \\
${specs.join(' \\\n')}
`
}

function zshWords(completion: Completion | undefined): string {
  if (completion === undefined) return ' '
  if (typeof completion === 'string') return WORDS_OF_ZSH[completion] ?? ' '
  const { words, areSeveral } = completion
  return areSeveral ? `_values -s , value ${words.join(' ')}` : `(${words.join(' ')})`
}

/** Converts the argument to a hint: `name[:group]` becomes `name`, `name|path|pid` becomes `name or path or pid`. */
function labelOf(argument: string): string {
  return argument.replaceAll(/\[.*?\]/gu, '').replaceAll('|', ' or ')
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function toFlag(
  flag: string,
  { help, form, isRepeatable }: Pick<OptionDescription, 'help'> & Partial<OptionDescription>,
): Flag {
  const { name, argument } = splitFlag(flag)
  // A line of a menu has no room for more text.
  const [phrase = ''] = help.replaceAll('`', '').split(/[;:] /u, 1)
  const short = phrase.length > MENU_WIDTH ? (phrase.split(', ', 1)[0] ?? '') : phrase
  return {
    name,
    argument,
    help: short,
    isRepeatable: isRepeatable ?? false,
    completion: argument === '' ? undefined : form?.completion,
  }
}
