/** One run: what, how often before, and who. */
export interface Turn<Scenario, Peer> {
  readonly scenario: Scenario
  readonly round: number
  readonly peer: Peer
}

/**
 * The order of runs: round by round, scenario by scenario, each peer once. Each round begins with another
 * peer, so that none always runs behind the same one; what drifts hits all, and a disturbed minute one
 * round of each scenario instead of all rounds of one.
 */
export function schedule<Scenario, Peer>(
  scenarios: readonly Scenario[],
  peers: readonly Peer[],
  rounds: number,
): Turn<Scenario, Peer>[] {
  return Array.from({ length: rounds }, (_, round) => {
    const first = peers.length === 0 ? 0 : round % peers.length
    const order = [...peers.slice(first), ...peers.slice(0, first)]
    return scenarios.flatMap((scenario) => order.map((peer) => ({ scenario, round, peer })))
  }).flat()
}
