import type { ExecutionContext } from 'ava'
import { type TestHost, testNetwork } from '../../index.ts'
import { ENVIRONMENT } from './namespace.ts'

/** A hub, a spoke behind a router with NAT, and a stranger on the network of the hub. */
export interface NatNetwork {
  readonly hub: TestHost
  readonly router: TestHost
  readonly spoke: TestHost
  readonly stranger: TestHost
  /** Makes the router forget all mappings. New ones have a port of this range. */
  readonly map: (from: number, to: number) => Promise<void>
  /** Limits the datagrams of the spoke that pass the router from now on: all, none, or only one. */
  readonly pass: (which: keyof typeof GATES) => Promise<void>
}

export const HUB = '198.51.100.10'
/** The outer address of the router, which the hub sees as that of the spoke. */
export const HOME = '198.51.100.1'
export const STRANGER = '198.51.100.66'
const SPOKE = '192.168.1.20'
/** The UDP port of both ends. */
export const PORT = 5001

/** Rules for the datagrams of the spoke. */
const GATES = { all: 'accept', none: 'drop', one: 'limit rate over 1/day burst 1 packets drop' }

/** Builds the network, which ends with the test. */
export async function withNat(t: ExecutionContext): Promise<NatNetwork> {
  const network = await testNetwork({
    hosts: {
      hub: {},
      stranger: {},
      router: { router: true },
      spoke: { gateway: '192.168.1.1' },
    },
    links: [
      { ends: { hub: `${HUB}/24`, router: `${HOME}/24`, stranger: `${STRANGER}/24` } },
      { ends: { spoke: `${SPOKE}/24`, router: '192.168.1.1/24' } },
    ],
  })
  t.teardown(() => network.close())
  const { router } = network.hosts
  const nft = async (rules: string) => {
    await router.run('nft', [rules], { env: ENVIRONMENT })
  }
  const map = async (from: number, to: number) => {
    await nft(`table ip home
      delete table ip home
      table ip home {
        chain outgoing {
          type nat hook postrouting priority srcnat
          ip saddr ${SPOKE} udp sport ${PORT} masquerade to :${from}-${to}
        }
      }`)
    await router.run('conntrack', ['-F'], { env: ENVIRONMENT })
  }
  const pass = async (which: keyof typeof GATES) =>
    nft(`table ip gate
      delete table ip gate
      table ip gate {
        chain forwarded {
          type filter hook forward priority filter
          ip saddr ${SPOKE} ${GATES[which]}
        }
      }`)
  return { ...network.hosts, map, pass }
}
