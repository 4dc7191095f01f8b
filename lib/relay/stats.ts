/** The counters of the native layer: crate/core/src/relay/counters.rs has the names, the units and the texts. */
export type {
  InboundDrops,
  InboundStats,
  OffloadStatus,
  OutboundDrops,
  OutboundStats,
  PathMtu,
  RelayStats,
} from '#binding'
