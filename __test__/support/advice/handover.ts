import { type Relay, type RelayOptions, startRelay } from '../../../index.ts'
import { type AdviceRoom, adviceCases } from './room.ts'

type Options = RelayOptions & { readonly netns: string }

/** A relay that has ended; its descriptors are open. */
interface Former {
  readonly descriptors: ReturnType<Relay['descriptors']>
  readonly options: Options
  readonly port: number
}

/** Starts a relay in the namespace, and ends it after its descriptors were duplicated. */
async function former(room: AdviceRoom, more: Partial<RelayOptions> = {}): Promise<Former> {
  const options: Options = {
    ...more,
    addresses: ['10.9.0.1/24'],
    sendPort: 5001,
    receivePort: 0,
    netns: room.netns,
    name: 'next0',
  }
  const relay = await startRelay(options)
  const descriptors = relay.descriptors()
  await relay.close()
  return { descriptors, options, port: relay.info.local.port }
}

/** Expects that a start with the first options is refused with the advice, and that one with the others works. */
async function expectFollowed(
  { refused, t }: AdviceRoom,
  descriptors: Former['descriptors'],
  wrong: RelayOptions,
  right: RelayOptions,
): Promise<void> {
  // Refused descriptors stay open.
  await refused(startRelay({ descriptors, ...wrong }))
  const relay = await startRelay({ descriptors, ...right })
  t.is(relay.info.interface.name, 'next0')
  await relay.close()
}

export const HANDOVER = adviceCases([
  {
    advice: 'start without offloads (--no-offload), as the relay before did',
    run: async (room) => {
      const { descriptors, options } = await former(room, { offload: false })
      await expectFollowed(room, descriptors, { ...options, offload: 'auto' }, options)
    },
  },
  {
    advice: 'start with the address and the port of the relay before',
    run: async (room) => {
      const { descriptors, options, port } = await former(room)
      const other = port === 65_535 ? port - 1 : port + 1
      const wrong = { ...options, receivePort: other }
      await expectFollowed(room, descriptors, wrong, { ...options, receivePort: port })
    },
  },
  {
    advice: 'start with the address and the port that the socket has',
    run: async (room) => {
      const { descriptors, options } = await former(room, { listen: '127.0.0.1' })
      await expectFollowed(room, descriptors, { ...options, listen: '127.0.0.2' }, options)
    },
  },
  {
    advice: 'check --netns (netns)',
    run: async (room) => {
      const { descriptors, options } = await former(room)
      const here = { ...options, netns: undefined }
      await expectFollowed(room, descriptors, here, options)
    },
  },
  {
    advice: 'check --name (name)',
    run: async (room) => {
      const { descriptors, options } = await former(room)
      await expectFollowed(room, descriptors, { ...options, name: 'other0' }, options)
    },
  },
  {
    advice: 'each queue must be given once, and no other process may have one',
    run: async (room) => {
      const { descriptors, options } = await former(room, { queues: 2 })
      const any = { ...options, queues: undefined }
      const wrong = { ...any, descriptors: descriptors.slice(0, 1) }
      await expectFollowed(room, descriptors, wrong, any)
    },
  },
])
