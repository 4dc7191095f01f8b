import test from 'ava'
import { hostOf, libcOf } from '../../../lib/native/host.ts'

const line = (path: string) => `7f00-7f01 r-xp 00000000 fe:01 42                 ${path}\n`

test('the C library is the one that is mapped', (t) => {
  t.is(libcOf(line('/usr/lib/x86_64-linux-gnu/libc.so.6')), 'gnu')
  t.is(libcOf(line('/lib64/libc-2.28.so')), 'gnu')
  t.is(libcOf(line('/lib/ld-musl-aarch64.so.1')), 'musl')
  t.is(libcOf(line('/lib/libc.musl-x86_64.so.1')), 'musl')
})

test('a musl library of another name, or in a folder of that name, is none', (t) => {
  t.is(libcOf(line('/opt/ld-musl-tools/x') + line('/lib/libc.so.6')), 'gnu')
})

test('without a list of what is mapped, the report of this process tells', (t) => {
  t.is(libcOf(undefined), hostOf().libc)
})
