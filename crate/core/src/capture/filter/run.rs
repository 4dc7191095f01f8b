//! Runs verified programs.

use super::verify::*;
use super::{CELLS, Instruction};

/// Returns the result of a verified program: jumps lead forward and every path ends in a return. A load from behind the
/// packet ends it with 0.
pub(super) fn run(program: &[Instruction], packet: &[u8]) -> u32 {
    let (mut a, mut x, mut next) = (0_u32, 0_u32, 0_usize);
    let mut memory = [0_u32; CELLS];
    while let Some(&Instruction { code, jt, jf, k }) = program.get(next) {
        next += 1;
        let mut cell = k as usize;
        let loaded = match code {
            RET_K => return k,
            RET_A => return a,
            LD_W_ABS | LD_H_ABS | LD_B_ABS => load(packet, code, k),
            // The register is 32 bits wide, and so is the sum.
            LD_W_IND | LD_H_IND | LD_B_IND => {
                load(packet, code - LD_W_IND + LD_W_ABS, x.wrapping_add(k))
            }
            LD_LEN => Some(packet.len() as u32),
            LD_IMM => Some(k),
            LD_MEM => memory.get(cell).copied(),
            TXA => Some(x),
            _ => {
                match code {
                    LDX_LEN => x = packet.len() as u32,
                    LDX_IMM => x = k,
                    LDX_MEM => x = memory.get(cell).copied().unwrap_or_default(),
                    LDX_MSH => match load(packet, LD_B_ABS, k) {
                        Some(byte) => x = (byte & 0xf) * 4,
                        None => return 0,
                    },
                    TAX => x = a,
                    ST | STX => {
                        cell %= CELLS;
                        if let Some(place) = memory.get_mut(cell) {
                            *place = if code == ST { a } else { x };
                        }
                    }
                    JA => next += k as usize,
                    _ => {
                        let operand = if code & X == 0 { k } else { x };
                        match holds(code & !X, a, operand) {
                            Some(true) => next += usize::from(jt),
                            Some(false) => next += usize::from(jf),
                            None => match arithmetic(code & !X, a, operand) {
                                Some(result) => a = result,
                                None => return 0,
                            },
                        }
                    }
                }
                continue;
            }
        };
        match loaded {
            Some(value) => a = value,
            None => return 0,
        }
    }
    0
}

/// Returns the big-endian field at `offset`; `None` behind the end.
fn load(packet: &[u8], code: u16, offset: u32) -> Option<u32> {
    let rest = packet.get(offset as usize..)?;
    match code {
        LD_W_ABS => rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)),
        LD_H_ABS => rest.first_chunk().map(|bytes| u16::from_be_bytes(*bytes).into()),
        _ => rest.first().map(|byte| (*byte).into()),
    }
}

/// Returns whether the condition of a jump holds; `None`: the code is not a jump.
fn holds(code: u16, a: u32, operand: u32) -> Option<bool> {
    match code {
        JEQ => Some(a == operand),
        JGT => Some(a > operand),
        JGE => Some(a >= operand),
        JSET => Some(a & operand != 0),
        _ => None,
    }
}

/// Returns the result of an operation; `None`: the program ends with 0, as after a division by 0.
fn arithmetic(code: u16, a: u32, operand: u32) -> Option<u32> {
    match code {
        ADD => Some(a.wrapping_add(operand)),
        SUB => Some(a.wrapping_sub(operand)),
        MUL => Some(a.wrapping_mul(operand)),
        DIV => a.checked_div(operand),
        MOD => a.checked_rem(operand),
        OR => Some(a | operand),
        AND => Some(a & operand),
        XOR => Some(a ^ operand),
        // The upper bits of the distance are ignored, as in eBPF.
        LSH => Some(a.wrapping_shl(operand)),
        RSH => Some(a.wrapping_shr(operand)),
        NEG => Some(a.wrapping_neg()),
        _ => None,
    }
}
