import type { ExecutionContext } from 'ava'
import { type Relay, startRelay, type RelayOptions } from '../../index.ts'
import { type Namespace, withNamespace } from './namespace.ts'
import { freeUdpPort } from './ports.ts'

/** Two namespaces whose interfaces are connected by two relays of this process. */
export interface Tunnel {
  near: Namespace
  far: Namespace
  nearRelay: Relay
  farRelay: Relay
}

/** Addresses of the near and of the far end. */
export const NEAR = ['10.9.0.1/24', 'fd09::1/64']
export const FAR = ['10.9.0.2/24', 'fd09::2/64']

/** Connects two new namespaces; everything ends with the test. */
export async function withTunnel(
  t: ExecutionContext,
  options: Partial<RelayOptions> & { ends?: [string[], string[]] } = {},
): Promise<Tunnel> {
  const { ends: [nearEnd, farEnd] = [NEAR, FAR], ...shared } = options
  const [near, far] = [await withNamespace(t), await withNamespace(t)]
  const farPort = await freeUdpPort(shared.peer)
  const nearRelay = await startRelay({
    addresses: nearEnd,
    sendPort: farPort,
    receivePort: 0,
    netns: near.name,
    ...shared,
  })
  t.teardown(() => nearRelay.close())
  const farRelay = await startRelay({
    addresses: farEnd,
    sendPort: nearRelay.info.local.port,
    receivePort: farPort,
    netns: far.name,
    ...shared,
  })
  t.teardown(() => farRelay.close())
  return { near, far, nearRelay, farRelay }
}
