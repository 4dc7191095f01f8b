/** A signal that is none of this realm's `AbortSignal`, and has no more than its shape. */
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
