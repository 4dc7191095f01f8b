import test from 'ava'
import { startRelay } from '../../../index.ts'
import { cleanEnvironment } from '../../support/program.ts'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const node = (script: string, ...flags: string[]) =>
  execute(process.execPath, [...flags, '-e', script], { env: cleanEnvironment() })

test.serial('an addon that cannot be loaded is one clear error', async (t) => {
  // The only use of the native layer in this process: it is loaded once.
  process.env['NAPI_RS_NATIVE_LIBRARY_PATH'] = '/no/such/addon.node'
  const error = await t.throwsAsync(
    startRelay({ addresses: ['10.0.0.1'], sendPort: 1, receivePort: 2 }),
    {
      code: 'ERR_TUN_NATIVE_LOAD',
    },
  )
  t.regex(
    error.message,
    /^load the native addon for linux-\w+-\w+: \/no\/such\/addon\.node: Cannot find module .*; unset NAPI_RS_NATIVE_LIBRARY_PATH/u,
  )
  t.notRegex(error.message, /\n/u)
})

const NAMES =
  'ArpPacket,BatchError,COUNTERS,Capture,Device,EthernetFrame,IcmpMessage,Ipv4Packet,Ipv6Packet,Namespace,Netlink,Peers,Relay,RollbackError,TapDevice,TcpSegment,TestHost,TestNetwork,TunDevice,TunError,UdpDatagram,buildArp,buildEthernet,buildIcmpEcho,buildTcp,buildUdp,createNamespace,createPersistent,deleteNamespace,features,fillChecksums,formatMetrics,inNamespace,internetChecksum,listDevices,listNamespaces,openNetlink,openTap,openTun,parseAddress,parseFrame,parsePacket,removePersistent,sdNotify,startRelay,testNetwork,verifyChecksums'

test('import has the public names', async (t) => {
  const { stdout } = await node(
    `import('tun2udp').then((m) => console.log(Object.keys(m).filter((k) => k !== 'default').sort().join()))`,
  )
  t.is(stdout.trim(), NAMES)
})

test('require has the same', async (t) => {
  const { stdout } = await node(
    `console.log(Object.keys(require('tun2udp')).filter((k) => k !== '__esModule').sort().join())`,
  )
  t.is(stdout.trim(), NAMES)
})

test('require and import give one class', async (t) => {
  const { stdout } = await node(
    `const { TunError } = require('tun2udp'); import('tun2udp').then((m) => console.log(m.TunError === TunError))`,
  )
  t.is(stdout.trim(), 'true')
})
