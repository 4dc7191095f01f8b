import type { RemoteInfo, Socket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { isIPv4 } from 'node:net'
import type { ExecutionContext } from 'ava'
import { inNamespace } from '../../../index.ts'
import type { Namespace } from '../namespace.ts'
import { type AddressRecord, RCODE, readQuestion, reply } from './message.ts'

/** The address of the name server in each namespace. */
const ADDRESS = '127.0.0.53'

/** A name server of one namespace, whose records and behaviour a test changes. */
export class NameServer {
  /** `fail` is a temporary failure (SERVFAIL), `hang` no reply at all. */
  mode: 'reply' | 'fail' | 'hang' = 'reply'
  /** The record types that fail although the mode is `reply`. */
  failing: readonly ('A' | 'AAAA')[] = []
  /** Whether each reply begins with another record. */
  isRotating = false
  /** The number of queries so far, by name and type: `b.example A`. */
  readonly queries = new Map<string, number>()
  readonly #records = new Map<string, readonly AddressRecord[]>()

  /** Sets the records of a name. Without records, the name does not exist. */
  set(name: string, ...records: readonly AddressRecord[]): void {
    this.#records.set(name, records)
  }

  /** Returns the number of queries for a name and a type so far. */
  count(name: string, type: 'A' | 'AAAA' = 'A'): number {
    return this.queries.get(`${name} ${type}`) ?? 0
  }

  /** Returns the reply to a query, if there is one. */
  reply(query: Buffer): Buffer | undefined {
    const question = readQuestion(query)
    const { name, type } = question
    const key = `${name} ${type}`
    this.queries.set(key, (this.queries.get(key) ?? 0) + 1)
    if (this.mode === 'hang') return undefined
    if (this.mode === 'fail' || (this.failing as readonly string[]).includes(type))
      return reply(question, RCODE.serverFailure, [])
    const records = this.#records.get(name) ?? []
    if (records.length === 0) return reply(question, RCODE.nameError, [])
    if (this.isRotating) this.#records.set(name, [...records.slice(1), ...records.slice(0, 1)])
    const ofType = records.filter(({ address }) => (isIPv4(address) ? 'A' : 'AAAA') === type)
    return reply(question, RCODE.ok, ofType)
  }
}

/**
 * Starts a name server in a namespace. Programs that are started there by `ip netns exec` use it: they get a
 * resolv.conf(5) of their own, with these options. Everything ends with the test.
 */
export async function withNameServer(
  t: ExecutionContext,
  { name }: Namespace,
  options = 'timeout:1 attempts:1',
): Promise<NameServer> {
  await withFiles(t, name, {
    'resolv.conf': `nameserver ${ADDRESS}\noptions ${options}\n`,
    'nsswitch.conf': 'hosts: files dns\n',
    hosts: '127.0.0.1 localhost\n',
  })
  const server = new NameServer()
  const namespace = inNamespace(name)
  const socket: Socket = namespace.createSocket('udp4', (query: Buffer, from: RemoteInfo) => {
    const datagram = server.reply(query)
    if (datagram) socket.send(datagram, from.port, from.address)
  })
  socket.bind(53, ADDRESS)
  await once(socket, 'listening')
  t.teardown(async () => {
    socket.close()
    await namespace.close()
  })
  return server
}

/** Creates files that programs in the namespace have in /etc, if this machine has them (ip-netns(8)). */
async function withFiles(
  t: ExecutionContext,
  namespace: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const folder = `/etc/netns/${namespace}`
  await mkdir(folder, { recursive: true })
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [file, text] of Object.entries(files)) {
    if (existsSync(`/etc/${file}`)) await writeFile(`${folder}/${file}`, text)
  }
}
