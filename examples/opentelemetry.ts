/**
 * The counters of a relay as instruments of OpenTelemetry.
 *
 *     npm install @opentelemetry/api @opentelemetry/sdk-metrics
 *     npm run build
 *     sudo node examples/opentelemetry.ts  # Node 22.18 or newer; before: node --import @oxc-node/core/register …
 *
 * It prints the metrics every second. A program would use the exporter of its collector instead, for example
 * `OTLPMetricExporter`.
 */
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { COUNTERS, startRelay } from 'tun2udp'

const relay = await startRelay({ addresses: ['10.9.0.1/24'], sendPort: 5001, receivePort: 5002 })
const reader = new PeriodicExportingMetricReader({
  exporter: new ConsoleMetricExporter(),
  exportIntervalMillis: 1000,
  exportTimeoutMillis: 1000,
})
const provider = new MeterProvider({ readers: [reader] })
const meter = provider.getMeter('tunnel')

const counters = COUNTERS.map((counter) => {
  const { direction, name, unit, help, isDrop } = counter
  // Units in braces are annotations, as UCUM and the semantic conventions have them.
  const options = { description: help, unit: unit === 'bytes' ? 'By' : `{${unit}}` }
  const full = `tunnel.${direction}.${isDrop ? 'dropped.' : ''}${name}`
  return { ...counter, instrument: meter.createObservableCounter(full, options) }
})

// One snapshot for all instruments.
meter.addBatchObservableCallback(
  (result) => {
    const stats = relay.stats()
    for (const { direction, name, isDrop, instrument } of counters) {
      const values = { ...(isDrop ? stats[direction].dropped : stats[direction]) }
      const attributes = { interface: relay.info.interface.name }
      result.observe(
        instrument,
        (values as unknown as Readonly<Record<string, number>>)[name] ?? 0,
        attributes,
      )
    }
  },
  counters.map(({ instrument }) => instrument),
)

console.log('the metrics follow')
process.once('SIGTERM', () => void relay.close())
await relay.closed
await provider.shutdown()
