/**
 * A plugin of typedoc: groups the exports by subject. The file that declares an export determines its subject.
 */
import { Comment, CommentTag, Converter } from 'typedoc'

/** Subjects by directory of lib/, or by file; the longest match counts. */
const SUBJECTS = {
  'relay/': 'Relay',
  'notify.ts': 'Relay',
  'check/offload.ts': 'Relay',
  // The declarations that the index exports from these files are the counters of a relay.
  'binding.d.ts': 'Relay',
  'device/': 'TUN and TAP devices',
  'persistent/': 'Persistent devices',
  'packets/': 'Packets',
  'netlink/': 'RTNETLINK',
  'netlink/namespaces.ts': 'Namespaces',
  'namespaces/': 'Namespaces',
  'errors.ts': 'Errors and diagnostics',
  'diagnostics.ts': 'Errors and diagnostics',
  'features.ts': 'Errors and diagnostics',
  'check/address.ts': 'Errors and diagnostics',
}

/** Subjects of the types in lib/options/declarations.ts, which contains those of all subjects, by a part of the name. */
const OPTIONS = {
  Relay: 'Relay',
  Tun: 'TUN and TAP devices',
  Tap: 'TUN and TAP devices',
  Device: 'TUN and TAP devices',
  Persistent: 'Persistent devices',
  List: 'Persistent devices',
  Remove: 'Persistent devices',
  Feature: 'Errors and diagnostics',
}

function subjectOf(reflection) {
  const file = reflection.sources?.[0]?.fullFileName ?? ''
  const path = file.replace(/^.*\/(?:lib|dist)\//, '')
  const [key] = Object.keys(SUBJECTS)
    .filter((start) => path.startsWith(start))
    .toSorted((one, other) => other.length - one.length)
  if (key !== undefined) return SUBJECTS[key]
  const [part] = Object.keys(OPTIONS).filter((name) => reflection.name.includes(name))
  if (path.startsWith('options/') && part !== undefined) return OPTIONS[part]
  throw new Error(`${reflection.name} (${path}) has no subject: add it to ${import.meta.url}`)
}

export function load(app) {
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => {
      for (const reflection of project.children ?? []) {
        reflection.comment ??= new Comment()
        const text = subjectOf(reflection)
        reflection.comment.blockTags.push(new CommentTag('@group', [{ kind: 'text', text }]))
      }
    },
    // Before typedoc itself groups.
    1000,
  )
}
