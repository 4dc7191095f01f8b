//! eBPF.

use super::{Cell, Instruction};
use crate::sys::bpf::Extended;

/// Registers: result and A; the packet, where loads expect it; X; both cells. The last four keep their
/// values across loads.
const A: u8 = 0;
const CONTEXT: u8 = 6;
const X: u8 = 7;
const CELLS: [u8; 2] = [8, 9];

/// Returns the eBPF instructions of one step, all on 32 bits. The caller fills in the offsets of skips, which count
/// eBPF instructions.
fn extended(step: Instruction) -> Vec<Extended> {
    let instruction = |code, to: u8, from: u8, immediate| Extended {
        code,
        registers: to | from << 4,
        offset: 0,
        immediate,
    };
    let register = |cell: Cell| CELLS[cell as usize];
    let copy = |to, from| instruction(0xbc, to, from, 0);
    let load_byte = |at| instruction(0x30, A, 0, at);
    match step {
        Instruction::LoadWord(at) => vec![instruction(0x20, A, 0, at)],
        Instruction::LoadHalf(at) => vec![instruction(0x28, A, 0, at)],
        Instruction::LoadByte(at) => vec![load_byte(at)],
        Instruction::LoadHalfAtX(at) => vec![instruction(0x48, A, X, at)],
        Instruction::LoadHeaderLengthToX(at) => {
            vec![
                load_byte(at),
                instruction(0x54, A, 0, 0xf),
                instruction(0x64, A, 0, 2),
                copy(X, A),
            ]
        }
        Instruction::CopyToX => vec![copy(X, A)],
        Instruction::LoadCell(cell) => vec![copy(A, register(cell))],
        Instruction::LoadCellToX(cell) => vec![copy(X, register(cell))],
        Instruction::StoreCell(cell) => vec![copy(register(cell), A)],
        Instruction::XorX => vec![instruction(0xac, A, X, 0)],
        Instruction::AddX => vec![instruction(0x0c, A, X, 0)],
        Instruction::And(mask) => vec![instruction(0x54, A, 0, mask)],
        Instruction::Multiply(value) => vec![instruction(0x24, A, 0, value)],
        Instruction::ShiftRight(bits) => vec![instruction(0x74, A, 0, bits)],
        Instruction::Modulo(value) => vec![instruction(0x94, A, 0, value)],
        Instruction::SkipUnlessEqual(value, _) => vec![instruction(0x55, A, 0, value)],
        Instruction::SkipIfBelow(value, _) => vec![instruction(0xa5, A, 0, value)],
        Instruction::SkipIfAny(mask, _) => vec![instruction(0x45, A, 0, mask)],
        Instruction::ReturnA => vec![instruction(0x95, 0, 0, 0)],
        Instruction::Return(value) => {
            vec![instruction(0xb4, A, 0, value), instruction(0x95, 0, 0, 0)]
        }
    }
}

/// Returns the program in eBPF.
pub(super) fn assemble(program: &[Instruction]) -> Vec<Extended> {
    let steps: Vec<Vec<Extended>> = program.iter().map(|step| extended(*step)).collect();
    let length = |steps: &[Vec<Extended>]| steps.iter().map(Vec::len).sum::<usize>();
    // Copies the packet from register 1 to where loads expect it.
    let mut code =
        vec![Extended { code: 0xbf, registers: CONTEXT | 1 << 4, offset: 0, immediate: 0 }];
    // The cells are never read before they are written, but the verifier cannot know.
    code.extend(CELLS.iter().chain([&X]).map(|register| Extended {
        code: 0xb4,
        registers: *register,
        offset: 0,
        immediate: 0,
    }));
    for (number, (step, instructions)) in program.iter().zip(&steps).enumerate() {
        let mut instructions = instructions.clone();
        if let Instruction::SkipUnlessEqual(_, count)
        | Instruction::SkipIfBelow(_, count)
        | Instruction::SkipIfAny(_, count) = step
            && let [jump] = instructions.as_mut_slice()
        {
            let skipped = steps.get(number + 1..=number + usize::from(*count));
            jump.offset = length(skipped.unwrap_or_default()) as i16;
        }
        code.extend(instructions);
    }
    code
}
