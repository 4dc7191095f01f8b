/** Something that happened to a relay and is not an error: it took a slower path, or a faster one again. */
export interface RelayEvent {
  /** What kind of thing happened, as a stable name. */
  readonly kind: string
  /** The same in words, on one line. */
  readonly message: string
}
