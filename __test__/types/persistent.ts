/**
 * Checks the declarations with the compiler; it runs with `npm run lint`. A line below `@ts-expect-error`
 * that compiles is an error.
 */
import {
  type DeviceHolder,
  type DeviceInfo,
  type ListOptions,
  type ListedDevice,
  type PersistentOptions,
  type RemoveOptions,
  createPersistent,
  listDevices,
  removePersistent,
} from 'tun2udp'
import type { Expect, Same } from '../support/types.ts'

export type Expected = [
  Expect<Same<ReturnType<typeof createPersistent>, Promise<DeviceInfo>>>,
  Expect<Same<ReturnType<typeof removePersistent>, Promise<void>>>,
  Expect<Same<ReturnType<typeof listDevices>, Promise<ListedDevice[]>>>,
  Expect<
    Same<Parameters<typeof removePersistent>, [name: string, options?: RemoveOptions | undefined]>
  >,
  Expect<Same<Parameters<typeof listDevices>, [options?: ListOptions | undefined]>>,
  Expect<Same<PersistentOptions['owner'], string | number | undefined>>,
  Expect<Same<DeviceInfo['mode'], 'tun' | 'tap'>>,
  Expect<Same<DeviceInfo['owner'], number | undefined>>,
  Expect<
    Same<DeviceInfo['queues'], { readonly attached: number; readonly detached: number } | undefined>
  >,
  Expect<Same<ListedDevice['holders'], readonly DeviceHolder[]>>,
  Expect<Same<DeviceHolder, { readonly pid: number; readonly command: string }>>,
  Expect<ListedDevice extends DeviceInfo ? true : false>,
]

void createPersistent({ mode: 'tun' })
void createPersistent({ mode: 'tap', name: undefined, owner: 5, group: 'kvm', netns: 1 })
void removePersistent('tap0', {})
void listDevices({ netns: 'blue' })

// @ts-expect-error the mode is required
void createPersistent({ name: 'tap0' })
// @ts-expect-error the mode is one of two words
void createPersistent({ mode: 'bridge' })
// @ts-expect-error a flag is not a number
void createPersistent({ mode: 'tun', multiQueue: 1 })
// @ts-expect-error this option does not exist
void createPersistent({ mode: 'tun', user: 'alice' })
// @ts-expect-error a removal requires a name
void removePersistent()
// @ts-expect-error a list accepts no name
void listDevices('tap0')

/** The properties of a device are read-only. */
export function readOnly(device: ListedDevice): void {
  // @ts-expect-error the name is read-only
  device.name = 'x'
  // @ts-expect-error the list of holders is read-only
  device.holders[0] = { pid: 1, command: 'init' }
}
