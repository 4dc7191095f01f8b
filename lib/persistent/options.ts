import type { NativeCreateOptions, NativeRemoveOptions } from '#binding'
import {
  cloneDevicePath,
  idOf,
  interfaceName,
  namespace,
  oneOf,
  yesOrNo,
} from '../options/forms.ts'
import { checkName } from '../check/interface.ts'
import { options } from '../options/table.ts'

const netns = {
  form: namespace,
  help: 'network namespace: a name of ip-netns(8), a path, a process id, or `name:NAME` or `pid:N`',
  default: 'the namespace of this thread',
} as const

const cloneDevice = {
  form: cloneDevicePath,
  help: 'path of the clone device',
  default: '`/dev/net/tun`',
} as const

/** The options of `createPersistent()`. */
export const CREATE = options({
  mode: {
    form: oneOf('tun', 'tap'),
    isRequired: true,
    help: 'IP packets (`tun`, `IFF_TUN`) or Ethernet frames (`tap`, `IFF_TAP`)',
  },
  name: {
    form: interfaceName,
    help: 'device name, at most 15 bytes; `%d` is the first free number',
    default: '`tun%d` or `tap%d`',
  },
  owner: {
    form: idOf('user'),
    help: 'user, by name or number, who may attach without `CAP_NET_ADMIN`',
    default: 'unchanged',
  },
  group: {
    form: idOf('group'),
    help: 'group, by name or number, whose members may attach without `CAP_NET_ADMIN`',
    default: 'unchanged',
  },
  multiQueue: {
    form: yesOrNo,
    help: 'whether the device supports several queues (`IFF_MULTI_QUEUE`)',
    default: 'false',
  },
  vnetHeader: {
    form: yesOrNo,
    help: 'whether each packet is preceded by a `struct virtio_net_hdr` (`IFF_VNET_HDR`)',
    default: 'false; an existing device keeps its setting',
  },
  netns,
  cloneDevice,
})

/** The options of `removePersistent()`. */
export const REMOVE = options({ netns, cloneDevice })

/** The options of `listDevices()`. */
export const LIST = options({ netns })

/** The options of `features()`. */
export const FEATURES = options({ cloneDevice })

/**
 * Checks all options before anything is changed.
 *
 * @throws {TunError} `ERR_TUN_INVALID_ARGUMENT` or `ERR_TUN_INVALID_NAME`.
 */
export function checkPersistent(given: unknown): NativeCreateOptions {
  const { mode, multiQueue = false, vnetHeader = false, ...same } = CREATE.check(given)
  return { isTap: mode === 'tap', isMultiQueue: multiQueue, hasVnetHeader: vnetHeader, ...same }
}

/** Checks the name and the options of `removePersistent()`. */
export function checkRemoval(name: unknown, given: unknown): NativeRemoveOptions {
  const checked = REMOVE.check(given)
  return { name: checkName(name), ...checked }
}
