import type { EarlyMethod, Method } from '../method.ts'
import { capture } from './capture.ts'
import { addPeer, listPeers, removePeers, setPeer } from './peers.ts'
import { reload } from './reload.ts'
import { show } from './show.ts'
import { stop } from './stop.ts'
import { takeover } from './takeover.ts'

/** The methods by their names, in the order of docs/control.md. */
export const METHODS: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    show,
    reload,
    'peers.list': listPeers,
    'peers.add': addPeer,
    'peers.set': setPeer,
    'peers.remove': removePeers,
    capture,
    takeover,
  }),
)

/** The methods that can be used before the relay is ready. */
export const EARLY_METHODS: ReadonlyMap<string, EarlyMethod> = new Map(Object.entries({ stop }))
