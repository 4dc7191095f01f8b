import { Lane } from '../lane/lane.ts'
import type { Path } from '../lane/path.ts'
import { busySeconds, usageOf } from '../lane/usage.ts'
import type { ReadyPeer } from '../peers/peer.ts'
import type { Sample } from '../results.ts'
import type { RunContext, Scenario } from '../scenarios/scenario.ts'

/** The result of a run, or the reason of its failure. */
export type Outcome = Omit<Sample, 'scenario' | 'peer' | 'mtu' | 'round'>

/**
 * A peer's lane, opened for its first run and kept for the next ones; a lane whose run failed is not
 * used again. Between runs its forwarders are stopped: who is busy when idle disturbs none but itself.
 */
export class Course implements AsyncDisposable {
  readonly #peer: ReadyPeer
  readonly #mtu: number
  readonly #path: Path
  #lane: Lane | undefined

  constructor(peer: ReadyPeer, mtu: number, path: Path) {
    this.#peer = peer
    this.#mtu = mtu
    this.#path = path
  }

  /** Runs a scenario once. */
  async run(scenario: Scenario, context: RunContext): Promise<Outcome> {
    try {
      const lane = await this.open(context)
      for (const forwarder of lane.forwarders) forwarder.resume()
      const outcome = await measure(lane, scenario, context)
      for (const forwarder of lane.forwarders) forwarder.pause()
      return outcome
    } catch (error) {
      context.signal.throwIfAborted()
      const { lost } = this.#lane ?? {}
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

  async [Symbol.asyncDispose](): Promise<void> {
    const lane = this.#lane
    this.#lane = undefined
    await lane?.[Symbol.asyncDispose]()
  }
}

async function measure(lane: Lane, scenario: Scenario, context: RunContext): Promise<Outcome> {
  const pids = lane.forwarders.map(({ pid }) => pid)
  const [before, busyBefore] = [usageOf(pids), busySeconds()]
  const measured = await scenario.run(lane, context)
  const machineCpuSeconds = busySeconds() - busyBefore
  if (pids.length === 0) return { ...measured, machineCpuSeconds }
  const after = usageOf(pids)
  const forwarderCpuSeconds = after.cpuSeconds - before.cpuSeconds
  return { ...measured, machineCpuSeconds, forwarderCpuSeconds, rssBytes: after.rssBytes }
}
