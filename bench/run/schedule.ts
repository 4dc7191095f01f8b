/** One run: what, how often before, and who. */
export interface Turn<Scenario, Peer> {
  readonly scenario: Scenario
  readonly round: number
  readonly peer: Peer
}

/**
 * The order of runs: scenario by scenario, round by round, each peer once a round. Each round begins
 * with another peer, so that none always runs behind the same one, and what drifts hits all.
 */
export function schedule<Scenario, Peer>(
  scenarios: readonly Scenario[],
  peers: readonly Peer[],
  rounds: number,
): Turn<Scenario, Peer>[] {
  return scenarios.flatMap((scenario) =>
    Array.from({ length: rounds }, (_, round) => {
      const first = peers.length === 0 ? 0 : round % peers.length
      const order = [...peers.slice(first), ...peers.slice(0, first)]
      return order.map((peer) => ({ scenario, round, peer }))
    }).flat(),
  )
}
