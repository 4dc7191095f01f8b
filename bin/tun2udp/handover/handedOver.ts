/** A relay that another process has. */
export interface HandedOver {
  /** The other process. */
  readonly pid: number
  /** Reports to it that this process has closed everything. */
  readonly finish: () => Promise<void>
}
