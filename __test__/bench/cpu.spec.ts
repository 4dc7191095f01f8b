import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { cpuFacts, mitigations, parseCpuInfo } from '../../bench/run/cpu.ts'
import { temporaryFolder } from '../support/folder.ts'

test('an x86 CPU is identified by family and model, and by the flags that matter', (t) => {
  const one = [
    'processor\t: 0',
    'vendor_id\t: AuthenticAMD',
    'cpu family\t: 26',
    'model\t\t: 2',
    'model name\t: AMD EPYC',
    'stepping\t: 1',
    'microcode\t: 0xb002116',
    'flags\t\t: fpu avx2 erms avx512f fsrm hypervisor notable',
    'bugs\t\t: spectre_v1',
  ]
  const two = one.map((line) => line.replace('family\t: 26', 'family\t: 27'))
  t.deepEqual(parseCpuInfo(`${one.join('\n')}\n\n${two.join('\n')}\n\n`), {
    identity: 'AuthenticAMD, family 26, model 2, stepping 1, microcode 0xb002116',
    flags: ['avx2', 'avx512f', 'erms', 'fsrm', 'hypervisor'],
  })
})

test('an arm64 CPU is identified by implementer and part', (t) => {
  const text = [
    'processor\t: 0',
    'Features\t: fp asimd aes pmull crc32 atomics',
    'CPU implementer\t: 0x41',
    'CPU architecture: 8',
    'CPU variant\t: 0x3',
    'CPU part\t: 0xd0c',
    'CPU revision\t: 1',
    '',
  ]
  t.deepEqual(parseCpuInfo(text.join('\n')), {
    identity: 'implementer 0x41, part 0xd0c, variant 0x3, revision 1',
    flags: ['aes', 'asimd', 'pmull', 'crc32', 'atomics'],
  })
})

test('mitigations are those of vulnerabilities that the CPU has', (t) => {
  const directory = temporaryFolder(t)
  writeFileSync(join(directory, 'spectre_v2'), 'Mitigation: Retpolines\n')
  writeFileSync(join(directory, 'meltdown'), 'Not affected\n')
  writeFileSync(join(directory, 'mds'), 'Vulnerable\n')
  t.deepEqual(mitigations(directory), { mds: 'Vulnerable', spectre_v2: 'Mitigation: Retpolines' })
  t.deepEqual(mitigations(join(directory, 'nothing')), {})
})

test('this machine has an identity', (t) => {
  t.regex(cpuFacts().identity, /\d/u)
})
