//! 32-byte addresses and 64-byte signatures, with their base58 text.
//!
//! Both are kept as bytes and spelled as base58 only where a person or JSON reads them. They hash by
//! their first eight bytes: those of a public key are as good as random, and hashing all 32 costs five
//! times as much on the hot path. A map keyed by an address therefore relies on no one grinding keys
//! that share 64 bits, which slows such a map down and never makes it wrong.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A Solana account: a mint, a pool, a wallet, a program.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address(pub [u8; 32]);

/// A transaction's first signature: its name on the chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

impl Address {
    /// Wrapped SOL, the mint that stands for the native coin.
    pub const WSOL: Self = Self::literal("So11111111111111111111111111111111111111112");
    /// USD Coin.
    pub const USDC: Self = Self::literal("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v");
    /// Tether USD.
    pub const USDT: Self = Self::literal("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB");
    /// The all-zero address: the system program, and what some events write for "SOL".
    pub const ZERO: Self = Self([0; 32]);

    /// Decodes a base58 literal at compile time; a wrong literal fails the build.
    #[must_use]
    pub const fn literal(text: &str) -> Self {
        Self(five8_const(text.as_bytes()))
    }

    /// Reads the address at the front of `bytes`.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.get(..32).and_then(|b| b.try_into().ok()).map(Self)
    }

    /// The leading eight bytes, big endian, so that they order as the address does.
    #[must_use]
    pub fn prefix(&self) -> u64 {
        self.0.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
    }

    /// True for the tokens that others are paid in: WSOL, USDC, USDT.
    #[must_use]
    pub fn is_currency(&self) -> bool {
        matches!(*self, Self::WSOL | Self::USDC | Self::USDT)
    }

    /// A 64-bit value that routes by this address: the same on every worker and in every run.
    #[must_use]
    pub fn route(&self) -> u64 {
        first_eight(&self.0).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// Base58 of 32 bytes, in a form that `const` allows (short and slow: it runs at compile time only).
const fn five8_const(text: &[u8]) -> [u8; 32] {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut out = [0u8; 32];
    let mut i = 0;
    while i < text.len() {
        let mut carry = 0u32;
        while ALPHABET[carry as usize] != text[i] {
            carry += 1;
        }
        let mut at = 32;
        while at > 0 {
            at -= 1;
            carry += out[at] as u32 * 58;
            out[at] = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        assert!(carry == 0, "base58 literal is longer than 32 bytes");
        i += 1;
    }
    out
}

fn first_eight(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
}

/// Text that is not base58 of the right number of bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a base58 {what} of {bytes} bytes")]
pub struct ParseAddressError {
    text: String,
    what: &'static str,
    bytes: usize,
}

impl ParseAddressError {
    fn new(text: &str, what: &'static str, bytes: usize) -> Self {
        // Enough to recognise it; a megabyte of garbage does not belong in a message.
        Self { text: text.chars().take(96).collect(), what, bytes }
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut out = [0; 32];
        match five8::decode_32(text, &mut out) {
            Ok(()) => Ok(Self(out)),
            Err(_) => Err(ParseAddressError::new(text, "address", 32)),
        }
    }
}

impl FromStr for Signature {
    type Err = ParseAddressError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut out = [0; 64];
        match five8::decode_64(text, &mut out) {
            Ok(()) => Ok(Self(out)),
            Err(_) => Err(ParseAddressError::new(text, "signature", 64)),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; five8::BASE58_ENCODED_32_MAX_LEN];
        let len = five8::encode_32(&self.0, &mut text);
        f.write_str(ascii(&text, len))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; five8::BASE58_ENCODED_64_MAX_LEN];
        let len = five8::encode_64(&self.0, &mut text);
        f.write_str(ascii(&text, len))
    }
}

/// The written part of a base58 buffer; its alphabet is ASCII, so the text is always valid.
fn ascii(text: &[u8], len: u8) -> &str {
    text.get(..usize::from(len)).and_then(|t| std::str::from_utf8(t).ok()).unwrap_or_default()
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(first_eight(&self.0));
    }
}

impl Hash for Signature {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(first_eight(&self.0));
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer
                .deserialize_str(Text("a base58 address"))
                .and_then(|t: String| t.parse().map_err(de::Error::custom))
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            // serde knows arrays up to 32 only.
            let (head, tail) = self.0.split_at(32);
            (head.first_chunk::<32>(), tail.first_chunk::<32>()).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer
                .deserialize_str(Text("a base58 signature"))
                .and_then(|t: String| t.parse().map_err(de::Error::custom));
        }
        let (head, tail) = <(Option<[u8; 32]>, Option<[u8; 32]>)>::deserialize(deserializer)?;
        let mut out = [0; 64];
        out[..32].copy_from_slice(&head.ok_or_else(|| de::Error::custom("half a signature"))?);
        out[32..].copy_from_slice(&tail.ok_or_else(|| de::Error::custom("half a signature"))?);
        Ok(Self(out))
    }
}

/// Takes borrowed or owned text, so that a reader without a buffer of its own works too.
struct Text(&'static str);

impl Visitor<'_> for Text {
    type Value = String;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WSOL: &str = "So11111111111111111111111111111111111111112";

    #[test]
    fn literals_are_what_they_spell() {
        assert_eq!(Address::WSOL.to_string(), WSOL);
        assert_eq!(WSOL.parse::<Address>().unwrap(), Address::WSOL);
        assert_eq!(Address::ZERO.to_string(), "11111111111111111111111111111111");
    }

    #[test]
    fn wrong_text_is_refused_with_the_text() {
        let error = "not-base58".parse::<Address>().unwrap_err();
        assert_eq!(error.to_string(), "`not-base58` is not a base58 address of 32 bytes");
    }

    #[test]
    fn round_trips_through_text_and_bytes() {
        let signature = Signature(std::array::from_fn(|i| u8::try_from(i * 3).unwrap()));
        let json = serde_json::to_string(&(signature, Address::USDC)).unwrap();
        assert_eq!(serde_json::from_str::<(Signature, Address)>(&json).unwrap(), (signature, Address::USDC));
        let bytes = postcard::to_stdvec(&(signature, Address::USDC)).unwrap();
        assert_eq!(postcard::from_bytes::<(Signature, Address)>(&bytes).unwrap(), (signature, Address::USDC));
    }
}
