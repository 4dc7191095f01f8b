import { Presets, SingleBar } from 'cli-progress'
import type { Peer } from '../peers/peer.ts'
import type { Sample } from '../results.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { Watcher } from './race.ts'

const FORMAT = '{bar} {value}/{total}  {eta_formatted} left  {what}'

/** Shows a race on stderr: as a bar on a terminal, otherwise as one line per scenario. */
export class Progress implements Watcher, Disposable {
  readonly #bar = new SingleBar({ format: FORMAT, hideCursor: true }, Presets.shades_classic)
  readonly #isTerminal = process.stderr.isTTY
  #last = ''

  preparing({ title }: Peer): void {
    this.#say(`preparing ${title}`)
  }

  starting(runs: number): void {
    if (this.#isTerminal) this.#bar.start(runs, 0, { what: '' })
    else this.#say(`${runs} runs`)
  }

  running({ title }: Scenario, peer: Peer, mtu: number): void {
    if (this.#isTerminal) this.#bar.update({ what: `${title}, MTU ${mtu}: ${peer.title}` })
    else this.#say(`${title}, MTU ${mtu}`)
  }

  ran({ peer, scenario, error }: Sample): void {
    if (this.#isTerminal) this.#bar.increment()
    if (error !== undefined && !this.#isTerminal) this.#say(`${peer}, ${scenario}: ${error}`)
  }

  [Symbol.dispose](): void {
    this.#bar.stop()
  }

  #say(line: string): void {
    if (line !== this.#last) process.stderr.write(`bench: ${line}\n`)
    this.#last = line
  }
}
