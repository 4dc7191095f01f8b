import type { Check } from '../check/fields.ts'
import { TunError, invalidArgument } from '../errors.ts'
import { type Step, isThere, unlessGone } from './rollback.ts'
import type { Route, RouteSpec } from './routeTypes.ts'
import { type RouteState, type Routes, checkRoute } from './routes.ts'

/** The maximum number of look-ups of a route that other callers add and delete at the same time. */
const ATTEMPTS_MAX = 16

/** Types of routes that do not use a link. */
const LEAD_NOWHERE: readonly unknown[] = [
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  6,
  7,
  8,
  9,
]

/** Checks a route, or a network to reach through the link. Returns a copy of it. */
export const wantedRoute: Check<RouteSpec> = (what, value) => {
  if (typeof value === 'string') return checked({ destination: value })
  if (typeof value !== 'object' || value === null) {
    throw invalidArgument(what, value, 'NETWORK[/PREFIX], or a route')
  }
  const copy: Record<string, unknown> = {}
  try {
    for (const name in value) copy[name] = (value as Record<string, unknown>)[name]
  } catch (cause) {
    throw invalidArgument(what, value, 'a route whose properties can be read', { cause })
  }
  return checked(copy as unknown as RouteSpec)
}

function checked(route: RouteSpec): RouteSpec {
  checkRoute(route)
  return route
}

/** Returns the route with the link as its next hop, unless it specifies another. */
function through(ifIndex: number, route: RouteSpec): RouteSpec {
  const { link, ifIndex: index, nextHops, nextHopId, type } = route
  const isStated = [link, index, nextHops, nextHopId].some((one) => one !== undefined)
  return isStated || LEAD_NOWHERE.includes(type) ? route : { link: ifIndex, ...route }
}

/** Adds missing routes, and replaces those that conflict with a wanted one. */
export async function* ensureRoutes(
  routes: Routes,
  ifIndex: number,
  wanted: readonly RouteSpec[],
): AsyncGenerator<Step, void, undefined> {
  const all = wanted.map((route) => through(ifIndex, route))
  const states = await routes.find(all)
  /** Keys of the routes that already match. */
  const done = new Set<string>()
  for (const [place, route] of all.entries()) {
    let state: RouteState | undefined = states[place]
    for (let attempt = 0; state !== undefined && state.same === undefined; attempt++) {
      const { conflict, key } = state
      if (conflict && done.has(key)) throw contradiction(route)
      const step = await change(routes, route, conflict, attempt)
      if (step) {
        yield step
        break
      }
      // Another caller has just added it, or a conflicting one.
      ;[state] = await routes.find([route])
    }
    if (state) done.add(state.key)
  }
}

/** Adds a route, or replaces the one it conflicts with. Returns nothing if another caller did it first. */
async function change(
  routes: Routes,
  route: RouteSpec,
  conflict: Route | undefined,
  attempt: number,
): Promise<Step | undefined> {
  const present = async () => (await routes.find([route]))[0]?.same
  if (conflict) {
    await routes.replace(route)
    const back = async () => {
      if (await present()) await routes.replace(restored(conflict))
    }
    return { change: { what: 'route', added: route, replaced: conflict }, back }
  }
  try {
    await routes.add(route)
  } catch (error) {
    if (isThere(error) && attempt < ATTEMPTS_MAX) return undefined
    throw error
  }
  const back = async () => {
    const added = await present()
    if (added) await unlessGone(routes.delete(added))
  }
  return { change: { what: 'route', added: route }, back }
}

/**
 * Converts a listed route into a request that recreates it. A next-hop object excludes the next hops it represents.
 */
function restored(route: Route): RouteSpec {
  if (route.nextHopId === undefined) return route
  const ofHop = ['gateway', 'ifIndex', 'nextHops']
  const rest = Object.entries(route).filter(([name]) => !ofHop.includes(name))
  return Object.fromEntries(rest) as unknown as RouteSpec
}

function contradiction(route: RouteSpec): TunError {
  const reason = 'routes of one call that cannot exist beside each other'
  const advice = 'give them different metrics, or one route with several next hops'
  return new TunError(`Invalid routes: ${route.destination} is in two ${reason}; ${advice}`, {
    code: 'ERR_TUN_INVALID_ARGUMENT',
    subject: route.destination,
    advice,
  })
}
