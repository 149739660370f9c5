//! Base58 of data of any length: instructions, and whole transactions.
//!
//! `five8`, which spells addresses and signatures, is for 32 and 64 bytes only. `bs58` takes any length
//! and carries one byte at a time through all digits so far, which takes tens of microseconds for the 400
//! bytes of an event: most of the time it takes to write or read a transaction as JSON. Here several
//! digits are carried through whole machine words, which is the same arithmetic in a twentieth of the
//! steps or fewer.

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Text that is not base58.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Base58Error {
    /// A character out of the alphabet.
    #[error("provided string contained invalid character {character:?} at byte {index}")]
    InvalidCharacter { character: char, index: usize },
    /// A character that is not even ASCII.
    #[error("provided string contained non-ascii character starting at byte {index}")]
    NonAsciiCharacter { index: usize },
}

/// The base58 text of `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    /// 58^5, the greatest power below 2^32.
    const LIMB: u64 = 656_356_768;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = &bytes[zeros..];
    // Least significant limb first.
    let mut limbs: Vec<u64> = Vec::with_capacity(significant.len() * 2 / 7 + 1);
    let (head, words) = significant.as_rchunks::<4>();
    let head = head.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    for word in std::iter::once(head).chain(words.iter().map(|word| u64::from(u32::from_be_bytes(*word)))) {
        let mut carry = word;
        for limb in &mut limbs {
            let value = (*limb << 32) | carry;
            *limb = value % LIMB;
            carry = value / LIMB;
        }
        while carry > 0 {
            limbs.push(carry % LIMB);
            carry /= LIMB;
        }
    }
    let mut text: Vec<u8> = Vec::with_capacity(zeros + limbs.len() * 5);
    for limb in limbs {
        let mut rest = limb;
        for _ in 0..5 {
            text.push(ALPHABET[usize::try_from(rest % 58).unwrap_or(0)]);
            rest /= 58;
        }
    }
    while text.last() == Some(&b'1') {
        text.pop();
    }
    text.extend(std::iter::repeat_n(b'1', zeros));
    text.reverse();
    text.into_iter().map(char::from).collect()
}

/// The bytes that `text` spells.
///
/// # Errors
/// At the first character that is not of the alphabet.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Base58Error> {
    /// Digits carried at a time: 58^10 is the greatest power below 2^64.
    const DIGITS: usize = 10;
    let zeros = text.bytes().take_while(|byte| *byte == b'1').count();
    let significant = &text.as_bytes()[zeros..];
    // Least significant word first. Eleven digits and more fill a word of 64 bits.
    let mut words: Vec<u64> = Vec::with_capacity(significant.len() / 10 + 1);
    for (index, digits) in significant.chunks(DIGITS).enumerate() {
        let (mut carry, mut power) = (0u64, 1u64);
        for (offset, byte) in digits.iter().enumerate() {
            let digit = digit(*byte).ok_or_else(|| invalid(text, zeros + index * DIGITS + offset))?;
            carry = carry * 58 + u64::from(digit);
            power *= 58;
        }
        for word in &mut words {
            (*word, carry) = word.carrying_mul(power, carry);
        }
        if carry > 0 {
            words.push(carry);
        }
    }
    let mut bytes = vec![0; zeros];
    bytes.reserve(words.len() * 8);
    let mut words = words.into_iter().rev();
    if let Some(first) = words.next() {
        let leading_zeros = usize::try_from(first.leading_zeros() / 8).unwrap_or(0);
        bytes.extend_from_slice(&first.to_be_bytes()[leading_zeros..]);
    }
    words.for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
    Ok(bytes)
}

/// What a letter stands for.
fn digit(letter: u8) -> Option<u8> {
    /// Marks a byte that is no letter of the alphabet.
    const NONE: u8 = u8::MAX;
    const VALUES: [u8; 256] = {
        let mut values = [NONE; 256];
        let mut value = 0u8;
        while (value as usize) < ALPHABET.len() {
            values[ALPHABET[value as usize] as usize] = value;
            value += 1;
        }
        values
    };
    Some(VALUES[usize::from(letter)]).filter(|value| *value != NONE)
}

/// What is wrong with the byte at `index`, which is no letter of the alphabet.
fn invalid(text: &str, index: usize) -> Base58Error {
    match text.as_bytes().get(index) {
        Some(byte) if byte.is_ascii() => {
            Base58Error::InvalidCharacter { character: char::from(*byte), index }
        }
        _ => Base58Error::NonAsciiCharacter { index },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_the_library_writes_and_reads(
            zeros in 0usize..9,
            bytes in prop::collection::vec(any::<u8>(), 0..500),
        ) {
            let bytes = [vec![0; zeros], bytes].concat();
            let text = encode(&bytes);
            prop_assert_eq!(&text, &bs58::encode(&bytes).into_string());
            prop_assert_eq!(decode(&text), Ok(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused_as_by_the_library(text in "[1-9A-Za-zé ]{0,40}|[1-9A-HJ-NP-Za-km-z]{0,60}") {
            let expected = bs58::decode(&text).into_vec().map_err(|error| error.to_string());
            prop_assert_eq!(decode(&text).map_err(|error| error.to_string()), expected);
        }
    }
}
