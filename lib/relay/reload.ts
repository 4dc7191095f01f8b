import { isDeepStrictEqual } from 'node:util'
import { invalidArgument } from '../errors.ts'
import { type PlainRelayOptions, checkAndKeep } from './options.ts'
import type { CheckedPeer } from './peers/options.ts'

/** The options that may differ from those of the start: the signal and the descriptors belong to the start. */
const CHANGEABLE: readonly string[] = ['peers', 'signal', 'descriptors']

/**
 * Checks the options of a running relay. Returns its peers; nothing if there is one peer that cannot change.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` if an option is refused, or differs from that of the start and cannot
 *   change while the relay runs.
 */
export function checkReload(
  started: PlainRelayOptions,
  options: unknown,
): readonly CheckedPeer[] | undefined {
  const [checked, plain] = checkAndKeep(options)
  const [before, after]: Record<string, unknown>[] = [started, plain]
  for (const name of new Set([...Object.keys(started), ...Object.keys(plain)])) {
    const [old, value] = [before?.[name], after?.[name]]
    const isKept = CHANGEABLE.includes(name) || isDeepStrictEqual(old, value)
    if (!isKept) throw refused(name, old, value)
  }
  return checked.several?.peers
}

function refused(name: string, old: unknown, value: unknown): Error {
  const advice = 'start the relay again to change it'
  return invalidArgument(name, value, shown(old), { advice })
}

function shown(value: unknown): string {
  if (value === undefined) return 'its default as at the start'
  return typeof value === 'object'
    ? 'the value of the start'
    : `${JSON.stringify(value)} as at the start`
}
