import type { Path } from '../lane/path.ts'
import type { Tools } from '../native/tools.ts'
import type { Peer, ReadyPeer } from '../peers/peer.ts'
import type { PeerResult, Sample } from '../results.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { Course } from './course.ts'
import { schedule } from './schedule.ts'

/** The peers and scenarios of a race, and its settings. */
export interface Plan {
  readonly peers: readonly Peer[]
  readonly scenarios: readonly Scenario[]
  readonly rounds: number
  /** Length of one run. */
  readonly seconds: number
  readonly mtus: readonly number[]
  /** Path of the datagrams. */
  readonly path: Path
  /** Congestion control of TCP, by the kernel's name. */
  readonly congestion: string
  /** Returns whether a peer does not run a scenario; by default each runs all that it can. */
  readonly isLeftOut?: (peer: Peer, scenario: Scenario) => boolean
}

/** An observer of the race. */
export interface Watcher {
  /** A peer is being built or found. */
  preparing(peer: Peer): void
  /** Receives the number of runs. */
  starting(runs: number): void
  /** A run begins. */
  running(scenario: Scenario, peer: Peer, mtu: number): void
  ran(sample: Sample): void
}

/** The result of a race. */
export interface RaceResult {
  readonly peers: PeerResult[]
  readonly samples: Sample[]
}

interface Entrant {
  readonly peer: Peer
  readonly ready: ReadyPeer
}

/** Prepares all peers, then runs every scenario with each of them in interleaved rounds. */
export async function race(
  plan: Plan,
  tools: Tools,
  signal: AbortSignal,
  watcher: Watcher,
): Promise<RaceResult> {
  const peers: PeerResult[] = []
  const entrants: Entrant[] = []
  for (const peer of plan.peers) {
    watcher.preparing(peer)
    const { id, title, kind, encrypts = false } = peer
    const named = { id, title, kind, encrypts }
    try {
      const ready = await peer.prepare({ tools, signal })
      await trial(ready, tools, plan)
      entrants.push({ peer, ready })
      peers.push({ ...named, version: ready.version })
    } catch (error) {
      signal.throwIfAborted()
      peers.push({ ...named, missing: reasonOf(error) })
    }
  }
  watcher.starting(turnsOf(entrants, plan).length * plan.mtus.length)
  const samples: Sample[] = []
  for (const mtu of plan.mtus) {
    samples.push(...(await raceAt(mtu, entrants, plan, { tools, signal, watcher })))
  }
  return { peers, samples }
}

/** Opens a lane once, so that a peer that does not work here is known before the race. */
async function trial(ready: ReadyPeer, tools: Tools, { mtus, path }: Plan): Promise<void> {
  await using course = new Course(ready, mtus[0] ?? 1500, path)
  await course.open({ tools })
}

/** Returns the runs at one MTU in their order, without those that the plan leaves out, and hubs of peers that have none. */
function turnsOf(entrants: readonly Entrant[], { scenarios, rounds, isLeftOut }: Plan) {
  return schedule(scenarios, entrants, rounds).filter(
    ({ scenario, peer: { peer, ready } }) =>
      !isLeftOut?.(peer, scenario) && (scenario.shape !== 'star' || ready.openStar !== undefined),
  )
}

async function raceAt(
  mtu: number,
  entrants: readonly Entrant[],
  plan: Plan,
  { tools, signal, watcher }: { tools: Tools; signal: AbortSignal; watcher: Watcher },
): Promise<Sample[]> {
  const { seconds, congestion, path } = plan
  const courses = new Map(entrants.map(({ peer, ready }) => [peer, new Course(ready, mtu, path)]))
  const samples: Sample[] = []
  try {
    for (const { scenario, round, peer: entrant } of turnsOf(entrants, plan)) {
      const { peer } = entrant
      signal.throwIfAborted()
      watcher.running(scenario, peer, mtu)
      const context = { tools, seconds, congestion, signal }
      const outcome = await courses.get(peer)?.run(scenario, context)
      const sample = { scenario: scenario.id, peer: peer.id, mtu, round, ...outcome }
      samples.push(sample)
      watcher.ran(sample)
    }
  } finally {
    await Promise.all([...courses.values()].map((course) => course[Symbol.asyncDispose]()))
  }
  return samples
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.trim().replaceAll(/\s*\n\s*/gu, '; ')
}
