import { fileURLToPath } from 'node:url'
import type { Machine } from './machine.ts'
import { cable } from './machine.ts'
import type { StartMachine } from './walks/walk.ts'

/** The path of the program that sends and receives flows. */
export const FLOWS = fileURLToPath(new URL('flows.mjs', import.meta.url))

/**
 * Starts machines on one network (`eth0`, 192.0.2.1 and following, in the order of their names). Each resolves
 * `NAME.example` of all others.
 */
export async function switched<Name extends string>(
  start: StartMachine,
  names: readonly Name[],
): Promise<Record<Name, Machine>> {
  const [middle, ...machines] = await Promise.all(['switch', ...names].map(start))
  if (!middle) throw new Error('a machine was started')
  await middle.shell('ip link add network type bridge && ip link set network up')
  const hosts: Record<string, string> = {}
  for (const [index, machine] of machines.entries()) {
    const address = `192.0.2.${index + 1}`
    hosts[`${machine.host}.example`] = address
    const port = `port${index}`
    await cable([middle, port, '0.0.0.0/0'], [machine, 'eth0', `${address}/24`])
    await middle.shell(`ip addr flush dev ${port} && ip link set ${port} master network`)
  }
  await Promise.all(machines.map((machine) => machine.knows(hosts)))
  const entries = machines.map((machine) => [machine.host, machine])
  return Object.fromEntries(entries) as Record<Name, Machine>
}

/** Adds a network behind a machine, which has this address in it. */
export async function addNetwork(machine: Machine, address: string): Promise<void> {
  await machine.shell(`ip link add lan0 type veth peer name host0
    ip addr add ${address}/24 dev lan0 && ip link set lan0 up && ip link set host0 up`)
}
