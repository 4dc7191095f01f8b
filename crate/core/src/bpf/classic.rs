//! Classic BPF.

use super::Instruction;

/// Returns the program in classic BPF.
pub(super) fn assemble(program: &[Instruction]) -> Vec<libc::sock_filter> {
    program.iter().map(|step| classic(*step)).collect()
}

/// Returns the classic BPF instruction of a step.
fn classic(step: Instruction) -> libc::sock_filter {
    use libc::{
        BPF_A, BPF_ABS, BPF_ADD, BPF_ALU, BPF_AND, BPF_B, BPF_H, BPF_IND, BPF_JEQ, BPF_JGE,
        BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_LDX, BPF_MEM, BPF_MISC, BPF_MOD, BPF_MSH, BPF_MUL,
        BPF_RET, BPF_RSH, BPF_ST, BPF_TAX, BPF_W, BPF_X, BPF_XOR,
    };
    let (code, k) = match step {
        Instruction::LoadWord(at) => (BPF_LD | BPF_W | BPF_ABS, at),
        Instruction::LoadHalf(at) => (BPF_LD | BPF_H | BPF_ABS, at),
        Instruction::LoadByte(at) => (BPF_LD | BPF_B | BPF_ABS, at),
        Instruction::LoadHalfAtX(at) => (BPF_LD | BPF_H | BPF_IND, at),
        Instruction::LoadHeaderLengthToX(at) => (BPF_LDX | BPF_B | BPF_MSH, at),
        Instruction::CopyToX => (BPF_MISC | BPF_TAX, 0),
        Instruction::LoadCell(cell) => (BPF_LD | BPF_MEM, cell as u32),
        Instruction::LoadCellToX(cell) => (BPF_LDX | BPF_MEM, cell as u32),
        Instruction::StoreCell(cell) => (BPF_ST, cell as u32),
        Instruction::XorX => (BPF_ALU | BPF_XOR | BPF_X, 0),
        Instruction::AddX => (BPF_ALU | BPF_ADD | BPF_X, 0),
        Instruction::And(mask) => (BPF_ALU | BPF_AND | BPF_K, mask),
        Instruction::Multiply(value) => (BPF_ALU | BPF_MUL | BPF_K, value),
        Instruction::ShiftRight(bits) => (BPF_ALU | BPF_RSH | BPF_K, bits),
        Instruction::Modulo(value) => (BPF_ALU | BPF_MOD | BPF_K, value),
        Instruction::SkipUnlessEqual(value, _) => (BPF_JMP | BPF_JEQ | BPF_K, value),
        Instruction::SkipIfBelow(value, _) => (BPF_JMP | BPF_JGE | BPF_K, value),
        Instruction::SkipIfAny(mask, _) => (BPF_JMP | BPF_JSET | BPF_K, mask),
        Instruction::ReturnA => (BPF_RET | BPF_A, 0),
        Instruction::Return(value) => (BPF_RET | BPF_K, value),
    };
    let (jt, jf) = match step {
        Instruction::SkipUnlessEqual(_, steps) | Instruction::SkipIfBelow(_, steps) => (0, steps),
        Instruction::SkipIfAny(_, steps) => (steps, 0),
        _ => (0, 0),
    };
    libc::sock_filter { code: code as u16, jt, jf, k }
}
