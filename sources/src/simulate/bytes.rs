//! Little-endian Borsh, as far as events and instructions need it.

use model::Address;

/// Bytes being written.
pub(crate) struct Bytes(Vec<u8>);

impl Bytes {
    /// Starts with a prefix: an instruction's discriminator, or the event tag.
    pub(crate) fn new(prefix: [u8; 8], capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity + 8);
        bytes.extend(prefix);
        Self(bytes)
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn key(self, address: &Address) -> Self {
        self.raw(&address.0)
    }

    pub(crate) fn keys(self, addresses: &[Address]) -> Self {
        addresses.iter().fold(self, Self::key)
    }

    pub(crate) fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    pub(crate) fn flag(self, value: bool) -> Self {
        self.byte(value.into())
    }

    pub(crate) fn number(self, value: u64) -> Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn numbers<const N: usize>(self, values: [u64; N]) -> Self {
        values.into_iter().fold(self, Self::number)
    }

    pub(crate) fn text(self, text: &str) -> Self {
        // A length beyond 2^32 would not fit into a transaction of 1,232 bytes.
        self.raw(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes()).raw(text.as_bytes())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.0
    }
}
