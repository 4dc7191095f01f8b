/**
 * Connects two network namespaces by two relays, and measures ping and a bulk transfer through the tunnel.
 *
 * Run it with `npm run demo [SECONDS]`. It needs root, or a kernel that lets users create namespaces.
 * Everything that it creates is removed when it ends.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Presets, SingleBar } from 'cli-progress'
import { type Relay, startRelay } from '../../index.ts'
import { Host } from './host.ts'

const DEFAULT_SECONDS = 5
const NEAR = '10.9.0.1'
const FAR = '10.9.0.2'

/** Runs this program again as root of a user namespace of its own, and returns its exit status. */
function rerunInUserNamespace(): number {
  const again = [...process.execArgv, ...process.argv.slice(1)]
  const options = ['--user', '--map-root-user', '--', process.execPath, ...again]
  const { status, error } = spawnSync('unshare', options, {
    stdio: 'inherit',
    env: { ...process.env, TUN2UDP_DEMO_USER_NAMESPACE: '1' },
  })
  if (error) throw new Error(`unshare of util-linux did not start: ${error.message}`)
  if (status !== 0) {
    console.error('demo: without root it needs user namespaces (sysctl user.max_user_namespaces)')
  }
  return status ?? 1
}

function secondsFrom(argument: string | undefined): number {
  const seconds = argument === undefined ? DEFAULT_SECONDS : Number(argument)
  if (!(seconds >= 1 && seconds <= 3600)) {
    throw new Error(`Invalid duration "${argument ?? ''}": give 1 to 3600 seconds`)
  }
  return seconds
}

/** Connects both hosts: each relay has its interface in the namespace of a host, and its socket in this one. */
async function join(near: Host, far: Host): Promise<[Relay, Relay]> {
  // The first relay must know a port that only the second one will have.
  const placeholder = 9
  const probe = await startRelay({
    addresses: [`${FAR}/24`],
    sendPort: placeholder,
    receivePort: 0,
    netns: far.pid,
  })
  const farPort = probe.info.local.port
  await probe.close()
  const nearRelay = await startRelay({
    addresses: [`${NEAR}/24`],
    sendPort: farPort,
    receivePort: 0,
    netns: near.pid,
  })
  const farRelay = await startRelay({
    addresses: [`${FAR}/24`],
    sendPort: nearRelay.info.local.port,
    receivePort: farPort,
    netns: far.pid,
  })
  return [nearRelay, farRelay]
}

/** Sends bytes from one host to the other for a while, and returns bits per second. */
async function transfer(near: Host, far: Host, seconds: number): Promise<number> {
  const bar = new SingleBar(
    { format: 'transfer {bar} {value}/{total} s  {rate}', hideCursor: true },
    Presets.shades_classic,
  )
  const port = await far.ask('listen', { address: FAR })
  bar.start(seconds, 0, { rate: '' })
  const sending = near.ask('send', { address: FAR, port, seconds })
  const began = performance.now()
  const timer = setInterval(() => {
    const elapsed = (performance.now() - began) / 1000
    void far.ask('received').then((bytes) => {
      const rate = `${((bytes * 8) / elapsed / 1e9).toFixed(2)} Gbit/s`
      bar.update(Math.min(seconds, Math.round(elapsed)), { rate })
    })
  }, 250)
  try {
    await sending
    const bytes = await far.ask('received')
    return (bytes * 8) / ((performance.now() - began) / 1000)
  } finally {
    clearInterval(timer)
    bar.stop()
  }
}

async function main(): Promise<void> {
  const seconds = secondsFrom(process.argv[2])
  await using near = await Host.start()
  await using far = await Host.start()
  const [nearRelay, farRelay] = await join(near, far)
  try {
    console.log(
      `tunnel   ${NEAR} (namespace of ${String(near.pid)}) <-> ${FAR} (${String(far.pid)})`,
    )
    await far.ask('echo', { address: FAR }).then(async (port) => {
      const microseconds = await near.ask('ping', { address: FAR, port, count: 200 })
      console.log(`ping     ${microseconds.toFixed(0)} µs round trip (median of 200, UDP echo)`)
    })
    const rate = await transfer(near, far, seconds)
    const { outbound } = nearRelay.stats()
    console.log(`packets  ${String(outbound.packetsRead)} from ${nearRelay.info.interface.name}`)
    console.log(`TCP      ${(rate / 1e9).toFixed(2)} Gbit/s through the tunnel`)
  } finally {
    await nearRelay.close()
    await farRelay.close()
  }
}

const isUser = process.getuid?.() !== 0 && !process.env['TUN2UDP_DEMO_USER_NAMESPACE']
if (isUser) {
  process.exitCode = rerunInUserNamespace()
} else if (!existsSync('/dev/net/tun')) {
  console.error('demo: there is no /dev/net/tun; load the driver with "modprobe tun"')
  process.exitCode = 1
} else {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Hosts end with their channel to this process, devices and relays with the process itself.
    process.once(signal, () => process.exit(1))
  }
  await main().catch((error: unknown) => {
    console.error(`demo: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  })
}
