/** Checks the declarations of namespaces and networks for tests, as in persistent.ts. */
import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Socket as DatagramSocket } from 'node:dgram'
import type { AddressInfo, Server, Socket } from 'node:net'
import {
  type Namespace,
  type NamespaceServer,
  type Output,
  type Relay,
  type TestHost,
  type TestNetwork,
  type TunDevice,
  inNamespace,
  testNetwork,
} from 'tun2udp'
import type { Expect, Same } from '../support/types.ts'

export type Expected = [
  Expect<Same<ReturnType<typeof inNamespace>, Namespace>>,
  Expect<Same<ReturnType<Namespace['connect']>, Socket>>,
  Expect<Same<ReturnType<Namespace['listen']>, NamespaceServer>>,
  Expect<Same<ReturnType<Namespace['createSocket']>, DatagramSocket>>,
  Expect<Same<ReturnType<Namespace['run']>, Promise<Output>>>,
  Expect<Same<ReturnType<Namespace['openTun']>, Promise<TunDevice>>>,
  Expect<Same<ReturnType<Namespace['startRelay']>, Promise<Relay>>>,
  Expect<Same<keyof TestNetwork<'a' | 'b'>['hosts'], 'a' | 'b'>>,
  Expect<Same<TestNetwork<'a'>['hosts']['a'], TestHost>>,
]

export async function uses(namespace: Namespace): Promise<void> {
  const piped: ChildProcessWithoutNullStreams = namespace.spawn('ip', ['link'])
  const child: ChildProcess = namespace.spawn('ip', { stdio: 'inherit' })
  const server: Server = namespace.listen()
  const address: AddressInfo = namespace.listen({ port: 0 }).address()
  const { hosts } = await testNetwork({ hosts: { a: {}, b: { router: true } } })
  const host: TestHost = hosts.a
  // @ts-expect-error -- the namespace is given
  await namespace.openTun({ netns: 'blue' })
  // @ts-expect-error -- a port is required
  namespace.connect({ host: '10.0.0.1' })
  console.log(piped, child, server, address, host)
}
