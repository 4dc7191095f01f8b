//! Verifies programs as the kernel does (`bpf_check_classic` of net/core/filter.c).

use super::{CELLS, Instruction, MAX_INSTRUCTIONS};

pub(super) use codes::*;

/// The operation codes (linux/bpf_common.h).
mod codes {
    pub(in super::super) const LD_W_ABS: u16 = 0x20;
    pub(in super::super) const LD_H_ABS: u16 = 0x28;
    pub(in super::super) const LD_B_ABS: u16 = 0x30;
    pub(in super::super) const LD_W_IND: u16 = 0x40;
    pub(in super::super) const LD_H_IND: u16 = 0x48;
    pub(in super::super) const LD_B_IND: u16 = 0x50;
    pub(in super::super) const LD_LEN: u16 = 0x80;
    pub(in super::super) const LD_IMM: u16 = 0x00;
    pub(in super::super) const LD_MEM: u16 = 0x60;
    pub(in super::super) const LDX_LEN: u16 = 0x81;
    pub(in super::super) const LDX_IMM: u16 = 0x01;
    pub(in super::super) const LDX_MEM: u16 = 0x61;
    pub(in super::super) const LDX_MSH: u16 = 0xb1;
    pub(in super::super) const ST: u16 = 0x02;
    pub(in super::super) const STX: u16 = 0x03;
    pub(in super::super) const RET_K: u16 = 0x06;
    pub(in super::super) const RET_A: u16 = 0x16;
    pub(in super::super) const TAX: u16 = 0x07;
    pub(in super::super) const TXA: u16 = 0x87;
    pub(in super::super) const JA: u16 = 0x05;
    /// Arithmetic with K, and with X if [`X`] is added.
    pub(in super::super) const ADD: u16 = 0x04;
    pub(in super::super) const SUB: u16 = 0x14;
    pub(in super::super) const MUL: u16 = 0x24;
    pub(in super::super) const DIV: u16 = 0x34;
    pub(in super::super) const OR: u16 = 0x44;
    pub(in super::super) const AND: u16 = 0x54;
    pub(in super::super) const LSH: u16 = 0x64;
    pub(in super::super) const RSH: u16 = 0x74;
    pub(in super::super) const NEG: u16 = 0x84;
    pub(in super::super) const MOD: u16 = 0x94;
    pub(in super::super) const XOR: u16 = 0xa4;
    pub(in super::super) const JEQ: u16 = 0x15;
    pub(in super::super) const JGT: u16 = 0x25;
    pub(in super::super) const JGE: u16 = 0x35;
    pub(in super::super) const JSET: u16 = 0x45;
    /// The operand is X instead of K.
    pub(in super::super) const X: u16 = 0x08;
}

/// The lowest offset of the extensions of Linux, which are negative as signed numbers.
const EXTENSIONS: u32 = 1 << 31;

/// Checks a program. The error is the reason why it is refused.
pub(super) fn verify(program: &[Instruction]) -> Result<(), String> {
    if program.is_empty() || program.len() > MAX_INSTRUCTIONS {
        return Err(format!(
            "it must have 1 to {MAX_INSTRUCTIONS} instructions, and has {}",
            program.len()
        ));
    }
    for (number, instruction) in program.iter().enumerate() {
        let rest = program.len() - number - 1;
        check(instruction, rest).map_err(|reason| format!("instruction {number} {reason}"))?;
    }
    match program.last().map(|last| last.code) {
        Some(RET_K | RET_A) => check_cells(program),
        _ => Err("the last instruction must be a return".to_owned()),
    }
}

/// Checks one instruction that `rest` instructions follow.
fn check(instruction: &Instruction, rest: usize) -> Result<(), String> {
    let Instruction { code, jt, jf, k } = *instruction;
    match code {
        LD_LEN | LD_IMM | LDX_LEN | LDX_IMM | RET_K | RET_A | TAX | TXA | NEG => Ok(()),
        LD_W_ABS | LD_H_ABS | LD_B_ABS | LDX_MSH => match k < EXTENSIONS {
            true => Ok(()),
            false => Err("loads from a negative offset, an extension of Linux".to_owned()),
        },
        LD_W_IND | LD_H_IND | LD_B_IND => Ok(()),
        LD_MEM | LDX_MEM | ST | STX => match (k as usize) < CELLS {
            true => Ok(()),
            false => Err(format!("uses cell {k} of {CELLS}")),
        },
        JA if (k as usize) < rest => Ok(()),
        JA => Err("jumps behind the end".to_owned()),
        _ => match code & !X {
            ADD | SUB | MUL | OR | AND | XOR => Ok(()),
            DIV | MOD if code & X == 0 && k == 0 => Err("divides by 0".to_owned()),
            LSH | RSH if code & X == 0 && k >= 32 => Err(format!("shifts by {k} bits")),
            DIV | MOD | LSH | RSH => Ok(()),
            JEQ | JGT | JGE | JSET => match usize::from(jt.max(jf)) < rest {
                true => Ok(()),
                false => Err("jumps behind the end".to_owned()),
            },
            _ => Err(format!("has the unknown code {code:#x}")),
        },
    }
}

/// Checks that no cell is read before it is written, on any path (`check_load_and_stores` of net/core/filter.c).
fn check_cells(program: &[Instruction]) -> Result<(), String> {
    // The cells that are written on every path to an instruction, one bit each.
    let mut written = vec![u16::MAX; program.len()];
    let mut here = 0_u16;
    let limit = |target: usize, cells: u16, masks: &mut [u16]| {
        if let Some(mask) = masks.get_mut(target) {
            *mask &= cells;
        }
    };
    for (number, instruction) in program.iter().enumerate() {
        here &= written.get(number).copied().unwrap_or_default();
        let cell = 1_u16.checked_shl(instruction.k).unwrap_or_default();
        match instruction.code {
            ST | STX => here |= cell,
            LD_MEM | LDX_MEM if here & cell == 0 => {
                return Err(format!(
                    "instruction {number} reads cell {} before it is written",
                    instruction.k
                ));
            }
            JA => {
                limit(number + 1 + instruction.k as usize, here, &mut written);
                here = u16::MAX;
            }
            code if matches!(code & !X, JEQ | JGT | JGE | JSET) => {
                limit(number + 1 + usize::from(instruction.jt), here, &mut written);
                limit(number + 1 + usize::from(instruction.jf), here, &mut written);
                here = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}
