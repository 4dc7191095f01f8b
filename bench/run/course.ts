import { Lane } from '../lane/lane.ts'
import type { Path } from '../lane/path.ts'
import { Star } from '../lane/star.ts'
import type { Testbed } from '../lane/testbed.ts'
import { busySeconds, usageOf } from '../lane/usage.ts'
import type { ReadyPeer } from '../peers/peer.ts'
import type { Sample } from '../results.ts'
import type { Measured, RunContext, Scenario } from '../scenarios/scenario.ts'

/** The result of a run, or the reason of its failure. */
export type Outcome = Omit<Sample, 'scenario' | 'peer' | 'mtu' | 'round'>

/**
 * A peer's lane and its star, each opened for its first run and kept for the next ones. After a failed run they are not
 * used again. Between runs its forwarders are stopped: who is busy when idle disturbs none but itself.
 */
export class Course implements AsyncDisposable {
  readonly #peer: ReadyPeer
  readonly #mtu: number
  readonly #path: Path
  #lane: Lane | undefined
  #star: Star | undefined

  constructor(peer: ReadyPeer, mtu: number, path: Path) {
    this.#peer = peer
    this.#mtu = mtu
    this.#path = path
  }

  /** Runs a scenario once. */
  async run(scenario: Scenario, context: RunContext): Promise<Outcome> {
    try {
      if (scenario.shape !== 'star') {
        const lane = await this.open(context)
        return await measure(lane, () => scenario.run(lane, context))
      }
      const star = await this.#openStar(context)
      return await measure(star, () => scenario.run(star, context))
    } catch (error) {
      context.signal.throwIfAborted()
      const lost = this.#lane?.lost ?? this.#star?.lost
      const reason = error instanceof Error ? error.message : String(error)
      await this[Symbol.asyncDispose]()
      return { error: lost ? `the forwarder ended: ${lost.lastWords}` : reason }
    }
  }

  /** Opens the lane, if it is not open, and waits until packets go through it. */
  async open({ tools }: Pick<RunContext, 'tools'>): Promise<Lane> {
    if (this.#lane) return this.#lane
    const lane = await Lane.open(this.#mtu, this.#path)
    this.#lane = lane
    await this.#peer.open(lane)
    await lane.check(tools)
    return lane
  }

  /** Opens the star, if it is not open, and waits until packets go from each spoke to the hub. */
  async #openStar({ tools }: Pick<RunContext, 'tools'>): Promise<Star> {
    if (this.#star) return this.#star
    const star = await Star.open(this.#mtu)
    this.#star = star
    await this.#peer.openStar?.(star)
    await star.check(tools)
    return star
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const beds = [this.#lane, this.#star]
    this.#lane = undefined
    this.#star = undefined
    for (const bed of beds) await bed?.[Symbol.asyncDispose]()
  }
}

async function measure(bed: Testbed, run: () => Promise<Measured>): Promise<Outcome> {
  for (const forwarder of bed.forwarders) forwarder.resume()
  const pids = bed.forwarders.map(({ pid }) => pid)
  const [before, busyBefore] = [usageOf(pids), busySeconds()]
  const measured = await run()
  const machineCpuSeconds = busySeconds() - busyBefore
  const after = usageOf(pids)
  for (const forwarder of bed.forwarders) forwarder.pause()
  if (pids.length === 0) return { ...measured, machineCpuSeconds }
  const forwarderCpuSeconds = after.cpuSeconds - before.cpuSeconds
  return { ...measured, machineCpuSeconds, forwarderCpuSeconds, rssBytes: after.rssBytes }
}
