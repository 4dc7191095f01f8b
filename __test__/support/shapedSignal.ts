/** An object with the shape of `AbortSignal` that is not an instance of this realm's class. */
export function shapedController(): { signal: AbortSignal; abort: (reason: unknown) => void } {
  const events = new EventTarget()
  const signal = {
    aborted: false,
    reason: undefined as unknown,
    addEventListener: events.addEventListener.bind(events),
    removeEventListener: events.removeEventListener.bind(events),
  }
  const abort = (reason: unknown) => {
    signal.aborted = true
    signal.reason = reason
    events.dispatchEvent(new Event('abort'))
  }
  return { signal: signal as unknown as AbortSignal, abort }
}
