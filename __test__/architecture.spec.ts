import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { circlesOfFiles } from './support/architecture/circles.ts'
import { filesIn } from './support/architecture/files.ts'
import { codeOf, expand, internalPaths } from './support/architecture/rustPaths.ts'
import { rustProblems } from './support/architecture/rustRules.ts'
import { typescriptProblems } from './support/architecture/typescriptRules.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Creates a tree of these files, which is removed after the test. */
function treeOf(t: ExecutionContext, files: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'tun2udp-tree-'))
  t.teardown(() => {
    rmSync(root, { recursive: true })
  })
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return root
}

test('no arrow between the rooms of the Rust sources points up', (t) => {
  t.true(filesIn(ROOT, 'crate/core/src', '.rs').includes('crate/core/src/relay/mod.rs'))
  t.deepEqual(rustProblems(ROOT), [])
})

test('no files import each other in a circle', (t) => {
  t.deepEqual(circlesOfFiles(ROOT), [])
})

test('a circle of files is found, of types too', (t) => {
  const root = treeOf(t, {
    'index.ts': "export { a } from './lib/a.ts'",
    'lib/a.ts': "import { b } from './b/b.ts'",
    'lib/b/b.ts': "import type { C } from './c.ts'",
    'lib/b/c.ts': "export * from '../a.ts'",
    'bin/x.ts': "import '../index.ts'",
  })
  t.deepEqual(circlesOfFiles(root), ['lib/a.ts → lib/b/b.ts → lib/b/c.ts → lib/a.ts'])
})

test('no arrow between the rooms of the TypeScript sources points up', (t) => {
  t.true(filesIn(ROOT, 'lib', '.ts').includes('lib/relay/relay.ts'))
  t.deepEqual(typescriptProblems(ROOT), [])
})

test('an async function that borrows from its environment does not compile: napi has no runtime', (t) => {
  const manifest = readFileSync(join(ROOT, 'Cargo.toml'), 'utf8')
  const [, features] =
    /^napi = .*default-features = false, features = (\[.*\])/mu.exec(manifest) ?? []
  t.deepEqual(JSON.parse(features ?? ''), ['napi8', 'dyn-symbols'])
})

const WRONG_RUST: readonly [file: string, code: string, problem: string][] = [
  ['core/src/sys/tun.rs', 'use crate::device::Tun;', 'sys may not use device::Tun'],
  ['core/src/sys/tun.rs', 'use crate::Error;', 'sys may not use Error'],
  [
    'core/src/packet/ip.rs',
    'fn f() { crate::sys::io::read() }',
    'packet may not use sys::io::read',
  ],
  ['core/src/packet/ip.rs', 'use crate::{error::Error, sys};', 'packet may not use sys'],
  ['core/src/packet/mod.rs', 'use super::udp as t;', 'packet may not use udp'],
  ['core/src/device/mod.rs', 'use crate::netlink::{Link};', 'device may not use netlink::Link'],
  ['core/src/device/name.rs', 'use super::super::relay;', 'device may not use relay'],
  [
    'core/src/udp/a/b.rs',
    'mod tests { use super::super::super::super::device::X; }',
    'udp may not use device::X',
  ],
  ['core/src/netlink/link.rs', 'pub(in crate::relay) fn f() {}', 'netlink may not use relay'],
  ['core/src/device/mod.rs', 'use crate::interface::Spec;', 'device may not use interface::Spec'],
  [
    'core/src/interface/undo.rs',
    'use crate::port::OpenOptions;',
    'interface may not use port::OpenOptions',
  ],
  [
    'core/src/netlink/link.rs',
    'use crate::{error::{Error, Result}, sys::{a, b::{c}}, device::{X as Y}};',
    'netlink may not use device::X',
  ],
  ['core/src/cellar/mod.rs', '', 'cellar is no known room; say what it may use (rustRules.ts)'],
  [
    'core/src/relay/mod.rs',
    'fn f() { unsafe { g() } }',
    'unsafe may stand only in crate/core/src/sys/, crate/node/src/sys/, crate/node/sys/',
  ],
  ['core/src/relay/mod.rs', 'use neli::x;', 'neli may stand only in crate/core/src/netlink/'],
  [
    'core/src/device/mod.rs',
    'use rustix::io;',
    'rustix may stand only in crate/core/src/sys/, crate/node/src/sys/, crate/node/sys/',
  ],
  ['core/src/sys/mod.rs', 'use napi::Env;', 'napi may not stand here'],
  [
    'node/src/relay.rs',
    'fn f() { libc::close(0); }',
    'libc may stand only in crate/core/src/sys/, crate/node/src/sys/, crate/node/sys/',
  ],
  [
    'node/src/relay.rs',
    'fn f() { napi::tokio::spawn_blocking(g); }',
    'a runtime may stand only in crate/node/src/background.rs',
  ],
  ['node/src/relay.rs', 'async fn f(&self) {}', 'an async method may not stand here'],
  [
    'node/src/relay.rs',
    "pub async fn f<'a>(\n    &'a mut self,\n) {}",
    'an async method may not stand here',
  ],
]

const UNBOUNDED = 'an array from JavaScript may be read as sys::list::List only'
for (const code of [
  '#[napi(object, object_to_js = false)] pub struct S { pub a: Option<Vec<u8>> }',
  'pub fn f(&self, a: Vec<String>) {}',
  'fn f() { let a: Vec<u8> = call.get(0)?; }',
]) {
  test(`refused: ${UNBOUNDED}, as in ${code}`, (t) => {
    const root = treeOf(t, { 'crate/node/src/relay.rs': code })
    t.deepEqual(rustProblems(root), [`crate/node/src/relay.rs: ${UNBOUNDED}`])
  })
}

test('arrays for JavaScript may be a Vec', (t) => {
  const code =
    '#[napi(object, object_from_js = false)] pub struct S { pub a: Vec<u8> } pub fn f() -> Vec<u8> {}'
  t.deepEqual(rustProblems(treeOf(t, { 'crate/node/src/relay.rs': code })), [])
})

for (const [file, code, problem] of WRONG_RUST) {
  test(`refused: ${problem}, as in ${code || 'an empty file'}`, (t) => {
    const root = treeOf(t, { [`crate/${file}`]: code })
    t.deepEqual(rustProblems(root), [`crate/${file}: ${problem}`])
  })
}

test('Rust that keeps the rules is not refused', (t) => {
  const root = treeOf(t, {
    'crate/core/src/lib.rs': 'pub mod relay; pub use error::Error; use crate::relay::X;',
    'crate/core/src/error.rs': 'use std::io; use crate::error::X;',
    'crate/core/src/sys/mod.rs': '//! over crate::relay\nfn f() { unsafe { libc::close(0) }; }',
    'crate/core/src/packet/ip.rs': 'use crate::{error::Error, sys::checksum::{self, sum}, packet};',
    'crate/core/src/packet/mod.rs': 'mod tests { use super::ip; use super::super::error; }',
    'crate/core/src/relay/mod.rs': `/* unsafe neli */ const A: &str = "unsafe \\" crate::x"; // neli
      const B: char = '"'; const C: &str = r#"crate::nowhere"#; fn f<'a>(x: &'a str) {}
      use crate::{device::A, udp, netlink::{B, C}, Result};`,
    'crate/core/src/interface/mod.rs': 'use crate::{device::A, netlink::B, sys, error::Error};',
    'crate/core/src/port/open.rs': 'use crate::interface::{self, Spec};',
    'crate/core/src/netlink/mod.rs': 'use neli::socket; use crate::sys::netns;',
    'crate/core/tests/relay.rs': 'fn f() { unsafe { neli::x() } }',
    'crate/node/src/relay.rs': 'use crate::error; use tun2udp_core::relay::Relay; use napi::Env;',
  })
  t.deepEqual(rustProblems(root), [])
})

test('use trees and paths are read as Rust reads them', (t) => {
  t.deepEqual(expand('a::{b, c::{d as e, *}, self}, f'), [
    ['a', 'b'],
    ['a', 'c', 'd'],
    ['a', 'c', '*'],
    ['a', 'self'],
  ])
  t.is(codeOf(`a("//", '\\'', '"', b"x") // y`).replaceAll(/\s+/gu, ' '), 'a( , , , ) ')
  t.deepEqual(internalPaths('super::x::Y; mod m { super::z() }', ['relay', 'setup']), [
    ['crate', 'relay', 'x', 'Y'],
    ['crate', 'relay', 'setup', 'z'],
  ])
})

const WRONG_TYPESCRIPT: readonly [file: string, code: string, problem: string][] = [
  ['bin/tun2udp.ts', "import { x } from '../lib/x.ts'", 'bin may not import lib (../lib/x.ts)'],
  [
    'bin/a.ts',
    "import { x } from '../lib/tunctl/x.ts'",
    'bin may not import lib (../lib/tunctl/x.ts)',
  ],
  ['bin/a/b.ts', "import type { x } from '#binding'", 'bin may not import #binding (#binding)'],
  ['index.ts', "export * from './bin/x.ts'", 'index may not import bin (./bin/x.ts)'],
  ['index.ts', "export * from '#binding'", 'index may not import #binding (#binding)'],
  ['lib/a.ts', "const x = await import('../index.ts')", 'lib may not import index (../index.ts)'],
  ['lib/a/b.ts', "import '../../bin/x.ts'", 'lib may not import bin (../../bin/x.ts)'],
  ['lib/a.ts', "import { x } from 'tun2udp'", 'lib may not import index (tun2udp)'],
  ['lib/a.ts', "import x from '../dist/x.js'", 'lib may not import dist (../dist/x.js)'],
  [
    'lib/a.ts',
    "import { execa } from 'execa/x'",
    'execa/x is no dependency of the published package',
  ],
  ['examples/a.ts', "import '../lib/x.ts'", 'examples may not import lib (../lib/x.ts)'],
  [
    'bench/a/b.ts',
    "import '../../lib/relay/relay.ts'",
    'bench may not import lib (../../lib/relay/relay.ts)',
  ],
]

for (const [file, code, problem] of WRONG_TYPESCRIPT) {
  test(`refused: ${problem}, in ${file}`, (t) => {
    const root = treeOf(t, { 'package.json': '{}', 'index.ts': '', [file]: code })
    t.deepEqual(typescriptProblems(root), [`${file}: ${problem}`])
  })
}

test('TypeScript that keeps the rules is not refused', (t) => {
  const root = treeOf(t, {
    'package.json': '{ "dependencies": { "commander": "1", "@a/b": "1" } }',
    'index.ts': "export { x } from './lib/x.ts'",
    'lib/x.ts': "import 'node:fs'; import './y.ts'; type N = typeof import('#binding')",
    'lib/a/b.ts': "import '../x.ts' // import '../../bin/x.ts'",
    'bin/x.ts':
      "import { x } from '../index.ts'; import 'commander'; import '@a/b/c'; import './x/y.ts'",
    'bin/tunctl.ts':
      "import { x } from '../lib/persistent/tunctl.ts'; await import('../lib/persistent/persistent.ts')",
    'examples/x.ts': "import '../index.ts'; import 'execa'; import './y.ts'",
    'bench/a/x.ts': "import 'execa'; import '../y.ts'",
  })
  t.deepEqual(typescriptProblems(root), [])
})
