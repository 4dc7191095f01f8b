import { fileURLToPath } from 'node:url'
import { withNamespace } from '../../support/namespace.ts'
import { hasTools, rootTest as test } from '../../support/skip.ts'

const FOLDER = fileURLToPath(new URL('../../../dist/completions/', import.meta.url))

/** Scripts that print the suggestions for the argument of `tunctl -d`. */
const shells: Record<string, string[]> = {
  bash: [
    '-c',
    `. ${FOLDER}tunctl.bash; COMP_WORDS=(tunctl -d ''); COMP_CWORD=2; _tunctl; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  fish: ['--no-config', '-c', `source ${FOLDER}tunctl.fish; complete -C 'tunctl -d '`],
  zsh: [
    '-f',
    '-c',
    `_arguments() { }; _describe() { print -rl -- "\${(@P)2}" }; source ${FOLDER}_tunctl; _tunctl_devices`,
  ],
}

for (const [shell, args] of Object.entries(shells)) {
  test(`${shell}: tunctl -d suggests the TUN and TAP devices, and no other interface`, async (t) => {
    if (!hasTools(t, shell)) return
    const namespace = await withNamespace(t)
    // fish adds a description.
    const suggestions = async () => {
      const lines = (await namespace.run(shell, ...args)).split('\n')
      return lines.flatMap((line) => (line === '' ? [] : [line.split('\t')[0]])).toSorted()
    }
    t.deepEqual(await suggestions(), [])
    await namespace.run('ip', 'link', 'add', 'va', 'type', 'veth')
    await namespace.run('ip', 'tuntap', 'add', 'dev', 'vm0', 'mode', 'tap')
    await namespace.run('ip', 'tuntap', 'add', 'dev', 'vpn0', 'mode', 'tun')
    t.deepEqual(await suggestions(), ['vm0', 'vpn0'])
  })
}
