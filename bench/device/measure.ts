import { Held } from '../lane/held.ts'
import type { Figure, Measured, Sample } from './results.ts'

/** An entry that is ready to run; what it holds goes with it. */
export interface Runner extends AsyncDisposable {
  readonly id: string
  /** Measures once. */
  run(): Promise<number>
}

/** Rounds before those that count: V8 compiles what runs often. */
const WARM_UP = 2

/** Runs each entry once a round; each round begins with another one, so that what drifts hits all. */
export async function measure(
  figure: Figure,
  open: (id: string) => Promise<Runner>,
  rounds: number,
): Promise<Measured> {
  process.stderr.write(`bench: ${figure.title}\n`)
  await using runners = new Held()
  const ready: Runner[] = []
  for (const { id } of figure.entries) ready.push(runners.use(await open(id)))
  const samples: Sample[] = []
  for (let round = -Math.min(WARM_UP, rounds); round < rounds; round++) {
    const first = (round + WARM_UP) % ready.length
    for (const runner of [...ready.slice(first), ...ready.slice(0, first)]) {
      const value = await runner.run()
      if (round >= 0) samples.push({ entry: runner.id, round, value })
    }
  }
  return { ...figure, samples }
}
