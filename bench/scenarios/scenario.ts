import type { Lane } from '../lane/lane.ts'
import type { Star } from '../lane/star.ts'
import type { Tools } from '../native/tools.ts'

/** The end of a load generator that was the bottleneck of a run, instead of the forwarders. */
export type Limit = 'sender' | 'receiver'

/** The measurements of one run. */
export interface Measured {
  /** Figures by the keys of the scenario's metrics. */
  readonly values: Readonly<Record<string, number>>
  /** Received payload in bytes; 0 if it does not depend on the length of a run. */
  readonly bytes: number
  /** The load generator, if it was the bottleneck. */
  readonly limitedBy?: Limit
}

/** One figure of a scenario. */
export interface Metric {
  readonly key: string
  readonly title: string
  readonly unit: string
  readonly better: 'more' | 'less'
}

/** How a run is made. */
export interface RunContext {
  readonly tools: Tools
  readonly seconds: number
  /** Congestion control of TCP, by the kernel's name. */
  readonly congestion: string
  readonly signal: AbortSignal
}

interface Named {
  /** Name on the command line and in the results. */
  readonly id: string
  /** Name in tables and plots. */
  readonly title: string
  readonly metrics: readonly [Metric, ...Metric[]]
}

/** Traffic through a lane. */
export interface PairScenario extends Named {
  readonly shape?: 'pair'
  run(lane: Lane, context: RunContext): Promise<Measured>
}

/** Traffic between a hub and its spokes. It works on loopback only, with the peers that have hubs. */
export interface StarScenario extends Named {
  readonly shape: 'star'
  run(star: Star, context: RunContext): Promise<Measured>
}

/** Traffic, and what is measured. */
export type Scenario = PairScenario | StarScenario
