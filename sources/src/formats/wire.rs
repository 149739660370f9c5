//! The binary form of a transaction, as it is signed and sent.
//!
//! Layout: a compact list of signatures, then the message: a version byte unless it is a legacy one,
//! three counts of the header, the static keys, the recent blockhash, the instructions and, from version
//! 0 on, the lookups of further keys (which the metadata give resolved). Lengths are compact-u16:
//! seven bits a byte, least first.

use model::{Address, Signature};

use crate::fields::{Field, Fields};
use crate::transaction::Instruction;

/// What a signed transaction holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// The first signature.
    pub(super) signature: Signature,
    /// How many of the leading keys signed.
    pub(super) signers: usize,
    /// The static keys.
    pub(super) keys: Vec<Address>,
    /// The instructions.
    pub(super) instructions: Vec<Instruction>,
}

/// Why bytes are no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("the bytes of the transaction end before its {0}")]
    Short(&'static str),
    #[error("the transaction has no signature")]
    Unsigned,
    #[error("transaction version {0} is not known; legacy and 0 are")]
    Version(u8),
}

/// Reads a signed transaction.
pub(super) fn transaction(bytes: &[u8]) -> Result<Signed, WireError> {
    let mut fields = Fields::new(bytes);
    let fields = &mut fields;
    let count = length(fields).ok_or(WireError::Short("signatures"))?;
    let signatures = fields.take(count * 64).ok_or(WireError::Short("signatures"))?;
    let signature = signatures.first_chunk().copied().map(Signature).ok_or(WireError::Unsigned)?;
    let first = u8::read(fields).ok_or(WireError::Short("message"))?;
    // The highest bit marks a version; in a legacy message the byte is the number of signers.
    let signers = if first & 0x80 == 0 {
        first
    } else if first == 0x80 {
        u8::read(fields).ok_or(WireError::Short("header"))?
    } else {
        return Err(WireError::Version(first & 0x7f));
    };
    fields.take(2).ok_or(WireError::Short("header"))?;
    let count = length(fields).ok_or(WireError::Short("account keys"))?;
    let keys = (0..count).map(|_| Address::read(fields)).collect::<Option<_>>();
    let keys = keys.ok_or(WireError::Short("account keys"))?;
    fields.take(32).ok_or(WireError::Short("recent blockhash"))?;
    let count = length(fields).ok_or(WireError::Short("instructions"))?;
    let instructions = (0..count).map(|_| instruction(fields)).collect::<Option<_>>();
    let instructions = instructions.ok_or(WireError::Short("instructions"))?;
    Ok(Signed { signature, signers: usize::from(signers), keys, instructions })
}

fn instruction(fields: &mut Fields<'_>) -> Option<Instruction> {
    let program = u16::from(u8::read(fields)?);
    let count = length(fields)?;
    let accounts = fields.take(count)?.iter().copied().map(u16::from).collect();
    let count = length(fields)?;
    let data = fields.take(count)?.to_vec();
    Some(Instruction { program, accounts, data, stack_height: Some(1) })
}

/// A compact-u16; none if it does not end within three bytes or 16 bits.
fn length(fields: &mut Fields<'_>) -> Option<usize> {
    let mut value = 0usize;
    for shift in [0, 7, 14] {
        let byte = usize::from(u8::read(fields)?);
        value |= (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return (value <= usize::from(u16::MAX)).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One signature, two keys, one instruction of program 1 with account 0 and data `ab`.
    fn bytes(version: Option<u8>) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend([7; 64]);
        bytes.extend(version);
        bytes.extend([1, 0, 1, 2]);
        bytes.extend([1; 32]);
        bytes.extend([2; 32]);
        bytes.extend([9; 32]);
        bytes.extend([1, 1, 1, 0, 2, b'a', b'b']);
        bytes
    }

    #[test]
    fn legacy_and_version_0_are_read() {
        for version in [None, Some(0x80)] {
            let signed = transaction(&bytes(version)).unwrap();
            assert_eq!((signed.signature, signed.signers), (Signature([7; 64]), 1));
            assert_eq!(signed.keys, [Address([1; 32]), Address([2; 32])]);
            let instruction = &signed.instructions[0];
            assert_eq!(
                (instruction.program, &instruction.accounts[..], &instruction.data[..]),
                (1, &[0][..], &b"ab"[..])
            );
        }
    }

    #[test]
    fn another_version_is_named() {
        let error = transaction(&bytes(Some(0x83))).unwrap_err();
        assert_eq!(error.to_string(), "transaction version 3 is not known; legacy and 0 are");
    }

    #[test]
    fn compact_lengths_have_up_to_three_bytes() {
        let read = |bytes: &[u8]| length(&mut Fields::new(bytes));
        assert_eq!(read(&[0x7f]), Some(127));
        assert_eq!(read(&[0x80, 0x01]), Some(128));
        assert_eq!(read(&[0xff, 0xff, 0x03]), Some(65_535));
        assert_eq!(read(&[0xff, 0xff, 0x04]), None);
        assert_eq!(read(&[0x80]), None);
    }

    proptest! {
        #[test]
        fn cut_or_changed_bytes_never_panic(cut in 0usize..200, at in 0usize..200, to in any::<u8>()) {
            let mut bytes = bytes(Some(0x80));
            bytes.truncate(cut);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = to;
            }
            let _ = transaction(&bytes);
        }
    }
}
