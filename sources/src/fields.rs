//! Reads little-endian Borsh fields, one after the other, out of bytes that no one vouches for.
//!
//! Programs append fields to their events over the years. So a layout has a head, without which there
//! is no event, and a tail that is read field by field until the bytes run out: what is missing is
//! `None` (unknown, never zero), and what is left over belongs to a version that is not known yet.
//!
//! `layout!` declares a layout once, in the order in which it lies in the bytes.

use std::borrow::Cow;

use model::Address;
use serde::Serializer;

/// The unread part of an event's bytes.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

/// A field of an event's head that the bytes do not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes end before field `{0}`")]
pub struct Missing(pub &'static str);

impl<'a> Fields<'a> {
    /// Reads from the front of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// How many bytes are unread.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next field, which must be there.
    ///
    /// # Errors
    /// When the bytes end before it does; `name` is in the message.
    pub fn head<T: Field>(&mut self, name: &'static str) -> Result<T, Missing> {
        T::read(self).ok_or(Missing(name))
    }

    /// The next field of the tail. After the first one that is not there, no further one is: bytes that
    /// are too few for a field belong to that field and to none after it.
    pub fn tail<T: Field>(&mut self) -> Option<T> {
        let value = T::read(self);
        if value.is_none() {
            self.rest = &[];
        }
        value
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }
}

/// A type that can stand in a layout.
pub trait Field: Sized {
    /// Reads one; `None` if the bytes end before it does.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

macro_rules! little_endian {
    ($($number:ty),*) => {$(
        impl Field for $number {
            fn read(fields: &mut Fields<'_>) -> Option<Self> {
                fields.array().map(Self::from_le_bytes)
            }
        }
    )*};
}

little_endian!(u8, u16, u32, u64, u128, i32, i64, i128);

impl Field for bool {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        u8::read(fields).map(|byte| byte != 0)
    }
}

impl Field for Address {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.array().map(Self)
    }
}

impl Field for String {
    /// Text that is not UTF-8 keeps what is, with the replacement character for the rest: a name with a
    /// broken letter is still a name.
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let length = u32::read(fields)?;
        fields.take(usize::try_from(length).ok()?).map(|text| Self::from_utf8_lossy(text).into_owned())
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let count = u32::read(fields)?;
        // Nothing is reserved up front: the count is the sender's word, and every item takes bytes.
        (0..count).map(|_| T::read(fields)).collect()
    }
}

/// The name of the instruction that caused an event. The few that exist cost no allocation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct InstructionName(Cow<'static, str>);

impl InstructionName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for InstructionName {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        const KNOWN: [&str; 5] =
            ["buy", "sell", "buy_exact_sol_in", "buy_exact_quote_in", "buy_exact_quote_in_v2"];
        let length = u32::read(fields)?;
        let text = fields.take(usize::try_from(length).ok()?)?;
        let known = KNOWN.into_iter().find(|name| name.as_bytes() == text);
        Some(Self(
            known.map_or_else(|| Cow::Owned(String::from_utf8_lossy(text).into_owned()), Cow::Borrowed),
        ))
    }
}

/// Writes a 128-bit number as text: JSON readers keep 53 bits of a number.
///
/// # Errors
/// When the serializer fails.
pub fn as_text<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Writes a 128-bit number as a number where 64 bits hold it, else as text.
///
/// # Errors
/// When the serializer fails.
pub fn as_number<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
    match u64::try_from(*value) {
        Ok(value) => serializer.serialize_u64(value),
        Err(_) => serializer.collect_str(value),
    }
}

/// As [`as_number`], for a signed number.
///
/// # Errors
/// When the serializer fails.
pub fn as_signed_number<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    match i64::try_from(*value) {
        Ok(value) => serializer.serialize_i64(value),
        Err(_) => serializer.collect_str(value),
    }
}

/// Declares the layout of an event: a struct whose fields lie in the bytes in this order, and its `read`.
/// Those after `tail` are optional and become `Option`s.
macro_rules! layout {
    (
        $(#[$meta:meta])* $name:ident
        { $($(#[$head_meta:meta])* $head:ident: $head_type:ty,)* }
        $(tail { $($(#[$tail_meta:meta])* $tail:ident: $tail_type:ty,)* })?
    ) => {
        $(#[$meta])*
        ///
        /// Fields have the program's own names and lie in the bytes in this order; amounts are raw units.
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[expect(missing_docs, reason = "a layout's fields bear the names of the program's own definition")]
        pub struct $name {
            $($(#[$head_meta])* pub $head: $head_type,)*
            $($($(#[$tail_meta])* pub $tail: Option<$tail_type>,)*)?
        }

        impl $name {
            /// Reads the layout from the bytes after the discriminator.
            ///
            /// # Errors
            /// When the bytes end within the head.
            pub fn read(bytes: &[u8]) -> Result<Self, $crate::fields::Missing> {
                let mut fields = $crate::fields::Fields::new(bytes);
                Ok(Self {
                    $($head: fields.head(stringify!($head))?,)*
                    $($($tail: fields.tail(),)*)?
                })
            }
        }
    };
}

pub(crate) use layout;

#[cfg(test)]
mod tests {
    use super::*;

    /// A number and a flag, then a tail of a text, an address and a byte.
    fn bytes() -> Vec<u8> {
        let mut bytes = 7u64.to_le_bytes().to_vec();
        bytes.push(1);
        bytes.extend([2, 0, 0, 0, b'o', b'k']);
        bytes.extend([9; 32]);
        bytes.push(5);
        bytes
    }

    fn tail(bytes: &[u8]) -> (Option<String>, Option<Address>, Option<u8>) {
        let mut fields = Fields::new(bytes);
        assert_eq!(fields.head::<u64>("amount"), Ok(7));
        assert_eq!(fields.head::<bool>("flag"), Ok(true));
        (fields.tail(), fields.tail(), fields.tail())
    }

    #[test]
    fn tail_is_read_up_to_where_the_bytes_end() {
        let whole = bytes();
        let name = Some("ok".to_owned());
        assert_eq!(tail(&whole), (name.clone(), Some(Address([9; 32])), Some(5)));
        // One byte short of an address: neither it nor what comes after it is there.
        assert_eq!(tail(&whole[..whole.len() - 2]), (name, None, None));
    }

    #[test]
    fn bytes_left_over_are_tolerated_and_missing_ones_are_named() {
        let mut longer = bytes();
        longer.extend([0; 8]);
        assert_eq!(tail(&longer), tail(&bytes()));
        let mut short = Fields::new(&[0; 8]);
        assert_eq!(short.head::<u64>("amount"), Ok(0));
        assert_eq!(short.head::<bool>("flag"), Err(Missing("flag")));
    }

    #[test]
    fn a_length_that_lies_reads_nothing() {
        assert_eq!(String::read(&mut Fields::new(&[255, 255, 255, 255, b'x'])), None);
        assert_eq!(Vec::<u64>::read(&mut Fields::new(&[255, 255, 255, 255, 1])), None);
    }
}
