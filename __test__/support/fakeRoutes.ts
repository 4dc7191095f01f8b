import { TunError } from '../../lib/errors.ts'
import type { Netlink } from '../../lib/netlink/netlink.ts'
import type { RouteSpec } from '../../lib/netlink/routeTypes.ts'
import { PeerRoutes } from '../../lib/relay/peers/routes.ts'

/** Routes of peers whose requests change a table of the test, at once and in their order. */
export interface FakeRoutes {
  readonly routes: PeerRoutes
  /** The destinations. */
  readonly table: Set<string>
  /** The requests in their order. */
  readonly requests: string[]
  /** Makes the kernel refuse all deletions, or accept them again. */
  readonly refuseDeletions: (isRefused: boolean) => void
  /** Holds the replies back until the returned function is called. */
  readonly hold: () => () => void
}

export async function openFakeRoutes(...present: string[]): Promise<FakeRoutes> {
  const table = new Set(present)
  const requests: string[] = []
  let held: Promise<void> | undefined
  let isRefused = false
  const request = async (text: string, code?: 'ERR_TUN_EXISTS' | 'ERR_TUN_PERMISSION') => {
    requests.push(text)
    await held
    if (code) throw new TunError(`${text}: refused`, { code })
  }
  const routes = {
    list: () => Promise.resolve([]),
    add: async ({ destination }: RouteSpec) => {
      const isThere = table.has(destination)
      table.add(destination)
      return request(`add ${destination}`, isThere ? 'ERR_TUN_EXISTS' : undefined)
    },
    delete: async ({ destination }: RouteSpec) => {
      if (!isRefused) table.delete(destination)
      return request(`delete ${destination}`, isRefused ? 'ERR_TUN_PERMISSION' : undefined)
    },
    find: async () => {
      await held
      return [{ same: true }]
    },
    get: async (address: string) => {
      await request(`get ${address}`)
      return { destination: `${address}/32` }
    },
  }
  const close = () => Promise.resolve()
  const netlink = { routes, close } as unknown as Netlink
  const opened = await PeerRoutes.open({ netns: undefined, isElsewhere: false }, () =>
    Promise.resolve(netlink),
  )
  opened.use(7)
  return {
    routes: opened,
    table,
    requests,
    refuseDeletions: (isWanted) => {
      isRefused = isWanted
    },
    hold: () => {
      let release = (): void => undefined
      held = new Promise((resolve) => {
        release = resolve
      })
      return () => {
        held = undefined
        release()
      }
    },
  }
}
