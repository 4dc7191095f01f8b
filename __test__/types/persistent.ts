/**
 * What the compiler must say of the declarations; it runs with `npm run lint`. A line below
 * `@ts-expect-error` that compiles is an error.
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

// @ts-expect-error the mode is not left out
void createPersistent({ name: 'tap0' })
// @ts-expect-error it is one of two words
void createPersistent({ mode: 'bridge' })
// @ts-expect-error a flag is no number
void createPersistent({ mode: 'tun', multiQueue: 1 })
// @ts-expect-error there is no such option
void createPersistent({ mode: 'tun', user: 'alice' })
// @ts-expect-error a removal needs a name
void removePersistent()
// @ts-expect-error a list takes no name
void listDevices('tap0')

/** What is told of a device is read only. */
export function readOnly(device: ListedDevice): void {
  // @ts-expect-error a name is not changed by writing it here
  device.name = 'x'
  // @ts-expect-error the holders of a listing are what they were
  device.holders[0] = { pid: 1, command: 'init' }
}
