//! The name of an alert.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Address, EventId, TxPlace};

/// The name of an alert: a hash of the rule, its version, the token and the event that caused it.
///
/// The id depends on nothing else, so a live run, a replay and a backtest give one alert one name. The id is 128
/// bits of FNV-1a, which is the same on every platform; its text is 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertId(pub u128);

const FNV_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const FNV_PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

impl AlertId {
    /// The name of what `cause` makes a rule say of a token.
    ///
    /// Source: DEFINITIONS §12.
    #[must_use]
    pub fn new(rule_id: &str, rule_version: u32, mint: &Address, cause: &EventId) -> Self {
        let mut hash = FNV_BASIS;
        let mut take = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u128::from(*byte)).wrapping_mul(FNV_PRIME);
            }
        };
        take(rule_id.as_bytes());
        // No id holds a zero byte, so nothing of what follows can be taken for a part of it.
        take(&[0]);
        take(&rule_version.to_be_bytes());
        take(&mint.0);
        take(&cause.slot.to_be_bytes());
        match cause.tx {
            TxPlace::Index(index) => take(&u64::from(index).to_be_bytes()),
            TxPlace::Unknown(prefix) => {
                take(&[1]);
                take(&prefix.to_be_bytes());
            }
        }
        take(&cause.outer_ix.to_be_bytes());
        take(&cause.inner_ix.to_be_bytes());
        Self(hash)
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Text that is not the name of an alert.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an alert id: 32 hexadecimal digits")]
pub struct ParseAlertIdError(String);

impl FromStr for AlertId {
    type Err = ParseAlertIdError;

    fn from_str(text: &str) -> Result<Self, ParseAlertIdError> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parsed = u128::from_str_radix(text, 16).ok().filter(|_| is_hex);
        parsed.map(Self).ok_or_else(|| ParseAlertIdError(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSE: EventId = EventId { slot: 7, tx: TxPlace::Index(31), outer_ix: 2, inner_ix: -1 };

    #[test]
    fn a_name_is_the_same_everywhere() {
        let id = AlertId::new("wif-3", 1, &Address::WSOL, &CAUSE);
        assert_eq!(id.to_string().parse::<AlertId>(), Ok(id));
        assert!("7".parse::<AlertId>().is_err());
    }

    #[test]
    fn whatever_differs_gives_another_name() {
        let ids = [
            AlertId::new("a", 1, &Address::WSOL, &CAUSE),
            AlertId::new("b", 1, &Address::WSOL, &CAUSE),
            AlertId::new("a", 2, &Address::WSOL, &CAUSE),
            AlertId::new("a", 1, &Address::USDC, &CAUSE),
            AlertId::new("a", 1, &Address::WSOL, &EventId { slot: 8, ..CAUSE }),
            AlertId::new("a", 1, &Address::WSOL, &EventId { tx: TxPlace::Unknown(31), ..CAUSE }),
            AlertId::new("a", 1, &Address::WSOL, &EventId { inner_ix: 0, ..CAUSE }),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
