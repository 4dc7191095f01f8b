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

/** Compiles only if both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <T extends true>(value?: T) => value

same<Same<ReturnType<typeof createPersistent>, Promise<DeviceInfo>>>()
same<Same<ReturnType<typeof removePersistent>, Promise<void>>>()
same<Same<ReturnType<typeof listDevices>, Promise<ListedDevice[]>>>()
same<Same<DeviceInfo['mode'], 'tun' | 'tap'>>()
same<Same<DeviceInfo['owner'], number | undefined>>()
same<
  Same<DeviceInfo['queues'], { readonly attached: number; readonly detached: number } | undefined>
>()
same<Same<ListedDevice['holders'], readonly DeviceHolder[]>>()
same<Same<DeviceHolder, { readonly pid: number; readonly command: string }>>()
same<Same<Parameters<typeof removePersistent>, [name: string, options?: RemoveOptions]>>()
same<Same<Parameters<typeof listDevices>, [options?: ListOptions]>>()
same<Same<PersistentOptions['owner'], string | number | undefined>>()

// A listed device is one that was described.
const described: DeviceInfo = {} as ListedDevice
void described

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
  // @ts-expect-error
  device.name = 'x'
  // @ts-expect-error
  device.holders.push({ pid: 1, command: 'init' })
}
