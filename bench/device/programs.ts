import { fileURLToPath } from 'node:url'
import type { Namespace } from '../lane/namespace.ts'
import type { Running } from '../lane/running.ts'
import type { Tools } from '../native/tools.ts'

/** The device's address, and one behind it. */
export const NEAR = '10.8.0.1'
export const FAR = '10.8.0.2'
const NAME = 'bench0'
/** Between the C loop's and this package's settings of an interface. */
const PREFIX = '/24'

/** Where things are that the programs need. */
export interface Context {
  readonly tools: Tools
  /** The directory of appium-ios-tuntap, if it could be installed. */
  readonly appium: string | undefined
}

/** The path of a script of this folder. */
export function script(name: string): string {
  return fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url))
}

/**
 * Starts who reads a device in a namespace: `c`, `c-header` and `c-echo` are loops in C, `stream`, `stream-default`
 * and `appium` what npm has, all others ways of this package, with `-offload` behind them by its defaults.
 */
export async function startReader(
  id: string,
  namespace: Namespace,
  { tools, appium }: Context,
  queueLength: number,
): Promise<Running> {
  const node = process.execPath
  const other: Readonly<Record<string, readonly string[]>> = {
    c: [tools.tunloop, NAME, 'drain'],
    'c-header': [tools.tunloop, NAME, 'header'],
    'c-echo': [tools.tunloop, NAME, 'echo'],
    stream: [tools.withtun, NAME, node, script('stream'), '2048'],
    'stream-default': [tools.withtun, NAME, node, script('stream')],
    appium: [node, script('appium'), `${appium}/lib/src/index.js`, NAME],
  }
  const command = other[id]
  if (!command) {
    const [way = '', offload] = id.split('-')
    const options = [way, offload === undefined ? 'false' : 'auto', String(queueLength)]
    const ours = await namespace.start([node, script('ours'), ...options])
    await ours.says('ready')
    return ours
  }
  const running = await namespace.start(command)
  await running.says('ready')
  await namespace.ip(
    `link set dev ${NAME} addrgenmode none`,
    `link set dev ${NAME} txqueuelen ${queueLength}`,
    `link set dev ${NAME} up`,
    `address add ${NEAR}${PREFIX} dev ${NAME}`,
  )
  return running
}
