/** Whether each type accepts the other's values. */
export type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false

/** Compiles only with `true`. */
export type Expect<T extends true> = T
