import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { COMMANDS, optionsOf as optionsOfCommand } from '../../bin/tun2udp/commands/table.ts'
import { COUNTERS } from '../../lib/relay/counters.ts'
import { RELAY } from '../../lib/relay/optionTable.ts'
import { cleanEnvironment } from '../support/program.ts'
import { hasTools } from '../support/skip.ts'

const execute = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Options with their arguments, in the words of the help: `['--name', 'name']`, `['--json', '']`. */
type Options = ReadonlyMap<string, string>

async function run(file: string, ...args: string[]): Promise<string> {
  const { stdout } = await execute(file, args, { cwd: ROOT, env: cleanEnvironment() })
  return stdout
}

const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8')

/** Returns the options of `--help`. Short options are in the usage; each long option begins a line. */
async function optionsOf(program: string): Promise<Options> {
  const help = await run(process.execPath, `dist/bin/${program}.js`, '--help')
  const options = new Map<string, string>()
  for (const [, option = '', argument = ''] of help.matchAll(
    /[ [](-[a-z])(?: ([a-z\d-]+))?(?=\]| \[)/gu,
  ))
    options.set(option, argument)
  for (const [, option = '', argument = ''] of help.matchAll(/^ {2}(--[a-z\d-]+)(?: <(\S+)>)?/gmu))
    options.set(option, argument)
  return options
}

const sorted = (options: Iterable<string>) => [...options].sort()
const taking = (options: Options) =>
  sorted([...options].filter(([, argument]) => argument !== '').map(([option]) => option))

/** Returns the completions of a shell for the first words of a line. */
async function bash(program: string, ...words: string[]): Promise<string[]> {
  const script = `. dist/completions/${program}.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _${program}
    printf '%s\\n' "\${COMPREPLY[@]}"`
  return lines(await run('bash', '-c', script, 'bash', program, ...words))
}

async function fish(program: string, word: string): Promise<string[]> {
  const script = `source dist/completions/${program}.fish; complete -C '${program} ${word}'`
  return lines(await run('fish', '--no-config', '-c', script))
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

for (const program of ['tun2udp', 'tunctl']) {
  test(`${program}: the help has options`, async (t) => {
    const options = await optionsOf(program)
    t.true(options.has('--netns') && options.has('--json') && options.has('--version'))
    t.is(options.get('--netns'), 'name|path|pid')
    t.is(options.get('-t'), program === 'tunctl' ? 'device-name' : undefined)
  })

  test(`${program}: the man page has the options of the help`, async (t) => {
    const described = new Map<string, string>()
    const page = read(`dist/man/${program}.8`)
    for (const [, option = '', argument = ''] of page.matchAll(/^\.It Fl (\S+)(?: (.+))?$/gmu)) {
      const words = argument
        .replaceAll(/ Ns Op (\S) Ns Ar (\w+)/gu, '[$1$2]')
        .replaceAll(/\bAr /gu, '')
        .replaceAll(' | ', '|')
      described.set(`-${option}`, words)
    }
    const sort = (options: Options) => [...options].sort(([a], [b]) => (a < b ? -1 : 1))
    t.deepEqual(sort(described), sort(await optionsOf(program)))
  })

  test(`${program}: the man page is well-formed`, async (t) => {
    if (!hasTools(t, 'mandoc')) return
    t.is(await run('mandoc', '-T', 'lint', '-W', 'warning', `dist/man/${program}.8`), '')
  })

  test(`${program}: bash completes the options of the help`, async (t) => {
    const options = await optionsOf(program)
    t.deepEqual(sorted(await bash(program, '-')), sorted(options.keys()))
    t.deepEqual(await bash(program, '--vers'), ['--version'])
    for (const [option, argument] of options) {
      const takesOption = (await bash(program, option, '-')).includes('--help')
      t.is(takesOption, argument === '', option)
    }
  })

  test(`${program}: fish completes the options of the help`, async (t) => {
    if (!hasTools(t, 'fish')) return
    const options = await optionsOf(program)
    const completed = (await fish(program, '-')).map((line) => line.split('\t', 1)[0] ?? '')
    t.deepEqual(sorted(completed), sorted(options.keys()))
    const described = lines(read(`dist/completions/${program}.fish`)).filter((line) =>
      / -[xr] /u.test(line),
    )
    const flags = described.map(
      (line) => / -s (?<letter>\w)| -l (?<word>[\w-]+)/u.exec(line)?.groups,
    )
    t.deepEqual(
      sorted(
        flags.map((flag) => (flag?.['letter'] ? `-${flag['letter']}` : `--${flag?.['word']}`)),
      ),
      taking(options),
    )
  })

  test(`${program}: zsh completes the options of the help`, async (t) => {
    if (!hasTools(t, 'zsh')) return
    const options = await optionsOf(program)
    // The completion passes its specifications to zsh's own function, which is replaced to print them.
    const script = `_arguments() { print -rl -- "$@" }; source dist/completions/_${program}`
    const specs = lines(await run('zsh', '-f', '-c', script)).flatMap((line) => {
      const { option, rest } =
        /^\*?(?<option>-[\w-]+)\[[^\]]+\](?<rest>.*)$/u.exec(line)?.groups ?? {}
      return option === undefined ? [] : [{ option, takes: rest?.startsWith(':') ?? false }]
    })
    t.deepEqual(sorted(specs.map(({ option }) => option)), sorted(options.keys()))
    t.deepEqual(
      sorted(specs.filter(({ takes }) => takes).map(({ option }) => option)),
      taking(options),
    )
  })
}

/** The options that a file cannot have. */
const OF_PROCESS: readonly string[] = ['signal', 'descriptors']

test('the man page of the configuration file is well-formed, and has every option', async (t) => {
  const page = read('dist/man/tun2udp.conf.5')
  for (const name of Object.keys(RELAY.table)) {
    t.is(page.includes(`\n.It Li ${name}\n`), !OF_PROCESS.includes(name), name)
  }
  if (!hasTools(t, 'mandoc')) return
  t.is(await run('mandoc', '-T', 'lint', '-W', 'warning', 'dist/man/tun2udp.conf.5'), '')
})

test('the man page has every counter, notice and exit status', (t) => {
  const page = read('dist/man/tun2udp.8')
  const section = (name: string) => page.split(`.Sh ${name}\n`)[1]?.split('\n.Sh ')[0] ?? ''
  const tags = (text: string) => [...text.matchAll(/^\.It Li (\S+)$/gmu)].map(([, tag]) => tag)
  const [notices = '', counters = ''] = section('DIAGNOSTICS').split('.Ss Counters\n')
  t.deepEqual(
    tags(counters),
    COUNTERS.map(
      ({ direction, name, isDrop }) => `${direction}.${isDrop ? 'dropped.' : ''}${name}`,
    ),
  )
  const events = read('docs/relay.md').split('\n## Events\n')[1]?.split('\n## ')[0] ?? ''
  const kinds = [...events.matchAll(/^\| `([a-z-]+)` +\|/gmu)]
  const other = new Set(['kind', 'events-lost'])
  const expected = kinds.map(([, kind = '']) => kind).filter((kind) => !other.has(kind))
  t.true(expected.length > 10)
  t.deepEqual(tags(notices), [
    ...expected,
    'hangup',
    'reload',
    'reload-failed',
    'control',
    'notify',
  ])
  t.deepEqual(tags(section('EXIT STATUS')), ['0', '1', '2'])
})

for (const page of ['tun2udp', 'tunctl']) {
  test(`${page}: the man page is not one of BSD`, async (t) => {
    if (!hasTools(t, 'man')) return
    const text = await run('man', '-P', 'cat', '-l', `dist/man/${page}.8`)
    t.regex(text, /System Manager's Manual/u)
    t.notRegex(text, /BSD/u)
  })
}

test('the pages about the programs name every option of the help', async (t) => {
  for (const [program, page] of [
    ['tun2udp', 'docs/tun2udp.md'],
    ['tunctl', 'docs/tunctl.md'],
  ] as const) {
    const text = read(page)
    for (const option of (await optionsOf(program)).keys())
      t.regex(text, new RegExp(`\`${option}[\` ]`, 'u'), `${page}: ${option}`)
  }
})

test('pages and man pages have the unambiguous forms of a namespace', async (t) => {
  for (const program of ['tun2udp', 'tunctl']) {
    t.true((await optionsOf(program)).has('--netns'))
    const page = read(`docs/${program}.md`)
    t.true(page.includes('`name:NAME` and `pid:N`'), program)
    const manual = read(`dist/man/${program}.8`)
    t.regex(manual, /name:(?:NAME| Ns Ar name)/u, program)
    t.regex(manual, /pid:(?:N| Ns Ar pid)/u, program)
  }
})

test('commands and their options are completed, and are those of their help', async (t) => {
  const names = COMMANDS.map(({ name }) => name)
  for (const word of ['s', 'p', '']) {
    const completed = (await bash('tun2udp', word)).filter((one) => !one.startsWith('-'))
    t.deepEqual(
      completed,
      names.filter((name) => name.startsWith(word)),
    )
  }
  const page = read('docs/tun2udp.md')
  for (const command of COMMANDS) {
    const { name, actions } = command
    t.true(page.includes(`\`tun2udp ${name} `) || page.includes(`\`tun2udp ${name}\``), name)
    t.true(read('dist/man/tun2udp.8').includes(`\n.Cm ${name}\n`), name)
    const runs = actions ? actions.map((action) => [name, action]) : [[name]]
    const options = new Set<string>()
    for (const words of runs) {
      const help = await run(process.execPath, 'dist/bin/tun2udp.js', ...words, '--help')
      for (const [option] of help.matchAll(/^ {2}--[a-z-]+/gmu)) options.add(option.trim())
    }
    t.deepEqual(sorted(options), sorted([...optionsOfCommand(command), '--help']), name)
    const completed = await bash('tun2udp', name, '')
    const expected = [...options, ...(actions ?? [])]
    t.deepEqual(
      expected.filter((word) => !completed.includes(word)),
      [],
    )
    if (hasTools(t, 'fish')) {
      const fishes = (await fish('tun2udp', `${name} --`)).map(
        (line) => line.split('\t', 1)[0] ?? '',
      )
      t.deepEqual(sorted(fishes), sorted(options))
    }
    if (hasTools(t, 'zsh')) {
      const script = `compadd() { shift; print -rl -- "$@" }; _files() { : }; words=(tun2udp ${name} ''); CURRENT=3
        f() { source dist/completions/_tun2udp }; f`
      const zshes = lines(
        await execute('zsh', ['-f', '-c', script], { cwd: ROOT }).then(({ stdout }) => stdout),
      )
      t.deepEqual(
        expected.filter((word) => !zshes.includes(word)),
        [],
      )
    }
  }
})

test('a command that writes a file completes files', async (t) => {
  t.true((await bash('tun2udp', 'capture', 'vpn0', 'READ')).includes('README.md'))
  t.false((await bash('tun2udp', 'show', 'READ')).includes('README.md'))
  if (hasTools(t, 'fish')) {
    t.true((await fish('tun2udp', 'capture vpn0 READ')).includes('README.md'))
    t.false((await fish('tun2udp', 'show READ')).includes('README.md'))
  }
  if (hasTools(t, 'zsh')) {
    const script = `compadd() { : }; _files() { print files }; words=(tun2udp capture vpn0 ''); CURRENT=4
      f() { source dist/completions/_tun2udp }; f`
    t.is(await run('zsh', '-f', '-c', script), 'files\n')
  }
})

test('relays of root and of the user are completed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'tun2udp-completions-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  mkdirSync(join(folder, 'tun2udp', 'unit'), { recursive: true })
  writeFileSync(join(folder, 'tun2udp', 'mine0.sock'), '')
  writeFileSync(join(folder, 'tun2udp', 'unit', 'mine1.sock'), '')
  const env = cleanEnvironment({ XDG_RUNTIME_DIR: folder })
  const shells = {
    bash: ['bash', '-c', '. dist/completions/tun2udp.bash; _tun2udp_relays'],
    zsh: [
      'zsh',
      '-f',
      '-c',
      '_arguments() { : }; f() { CURRENT=2; source dist/completions/_tun2udp }; f; _tun2udp_relays',
    ],
    fish: ['fish', '--no-config', '-c', 'source dist/completions/tun2udp.fish; __tun2udp_relays'],
  }
  for (const [shell, [file = '', ...args]] of Object.entries(shells)) {
    if (!hasTools(t, shell)) continue
    const { stdout } = await execute(file, args, { cwd: ROOT, env })
    const names = lines(stdout)
    t.true(names.includes('mine0') && names.includes('mine1'), `${shell}: ${stdout}`)
  }
})
