#!/usr/bin/env node
import { nameProcess } from './title.ts'
import { findCommand } from './tun2udp/commands/table.ts'

const args = process.argv.slice(2)
nameProcess('tun2udp', args)
const command = await findCommand(args)
// Each part loads only the modules that it needs.
const status = command
  ? await (await command.load()).run(args.slice(1))
  : await (await import('./tun2udp/program.ts')).main(args)
// The process does not wait for an empty event loop: a pending name look-up could delay that for long.
process.exit(status)
