/** Every asynchronous call of the public API, by its name. */
export const CALLS: Readonly<Record<string, (api: object) => Promise<unknown>>>
