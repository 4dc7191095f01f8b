import type { Path } from './lane/path.ts'
import type { PeerKind } from './peers/peer.ts'
import type { Limit, Metric } from './scenarios/scenario.ts'

/** Version of the shape below; a file of another is refused. */
export const FORMAT = 2

/** Facts by which runs of different CPUs can be distinguished. */
export interface CpuFacts {
  /** Vendor, family, model, stepping and microcode, or implementer and part. */
  readonly identity: string
  /** The flags that matter here, by the kernel's names. */
  readonly flags: readonly string[]
  /** The kernel's state of each vulnerability that the CPU has, by its names. */
  readonly mitigations: Readonly<Record<string, string>>
  /** Governor of the CPU's frequency; absent if the kernel does not control it, for example in a virtual machine. */
  readonly governor?: string
  readonly clockSource?: string
}

/** The machine of the run. */
export interface Machine {
  readonly kernel: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  /** Absent in older files. */
  readonly cpuFacts?: CpuFacts
}

/** A peer as it took part, or the reason why it did not. */
export interface PeerResult {
  readonly id: string
  readonly title: string
  readonly kind: PeerKind
  /** Whether the packets are encrypted on the path; absent in older files. */
  readonly encrypts?: boolean
  readonly version?: string
  /** Why it could not be had. */
  readonly missing?: string
}

/** A scenario that was run. */
export interface ScenarioResult {
  readonly id: string
  readonly title: string
  readonly metrics: readonly Metric[]
}

/** One run of one scenario with one peer. */
export interface Sample {
  readonly scenario: string
  readonly peer: string
  /** MTU of the interfaces, in bytes. */
  readonly mtu: number
  /** From 0. */
  readonly round: number
  /** By the keys of the scenario's metrics; absent when the run failed. */
  readonly values?: Readonly<Record<string, number>>
  /** Payload that arrived, in bytes. */
  readonly bytes?: number
  /** The load generator, if it was the bottleneck. */
  readonly limitedBy?: Limit
  /** CPU time of both forwarders together; absent where the kernel forwards. */
  readonly forwarderCpuSeconds?: number
  /** CPU time of the whole machine, senders and receivers too. */
  readonly machineCpuSeconds?: number
  /** Resident memory of both forwarders together behind the run; absent where the kernel forwards. */
  readonly rssBytes?: number
  /** Why the run failed. */
  readonly error?: string
}

/** Everything that a race gave; figures are derived from it. */
export interface Results {
  readonly format: typeof FORMAT
  /** ISO 8601, UTC. */
  readonly date: string
  readonly commit: string
  /** The arguments behind `npm run bench --`. */
  readonly command: string
  readonly machine: Machine
  /** Of the programs that were used, by their names. */
  readonly versions: Readonly<Record<string, string>>
  readonly seconds: number
  readonly rounds: number
  readonly mtus: readonly number[]
  /** Path of the datagrams; absent in older files, which are of loopback. */
  readonly path?: Path
  /** Congestion control of TCP, by the kernel's name. */
  readonly congestion: string
  readonly peers: readonly PeerResult[]
  readonly scenarios: readonly ScenarioResult[]
  /** In the order in which they were run. */
  readonly samples: readonly Sample[]
}

/** Reads what a race wrote. */
export function parseResults(text: string, file: string): Results {
  const results = JSON.parse(text) as { format?: unknown }
  if (results.format === FORMAT) return results as Results
  throw new Error(
    `${file} is of format ${String(results.format)}, expected ${FORMAT}: run \`npm run bench\` anew`,
  )
}
