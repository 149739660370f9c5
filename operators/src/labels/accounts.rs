//! Accounts of protocols: who is no trader, whatever the trades say.
//!
//! Fee recipients, owners of vaults, agents of launchpads and routers turn up as the owners of token
//! accounts that change. Nobody's behaviour is in their trades. The list is kept by hand; settings
//! and control inputs add to it.

use model::{Address, Program};

/// Known accounts, beside the programs themselves, with what they are.
pub const ACCOUNTS: [(Address, &str); 20] = [
    account("62qc2CNXwrYqQScmEdiZFFAnJR262PxWEuNQtxfafNgV", "fee recipient of pump and PumpSwap"),
    account("7VtfL8fvgNfhz17qKRMjzQEXgbdpnHHHQRh54R9jP2RJ", "fee recipient of pump and PumpSwap"),
    account("9rPYyANsfQZw3DnDmKE3YCQF5E8oD89UXoHn9JFEhJUz", "fee recipient of pump and PumpSwap"),
    account("FWsW1xNtWscwNmKv6wVsU1iTzRN6wmmk3MjxRP5tT7hz", "fee recipient of pump and PumpSwap"),
    account("AVmoTthdrX6tKt4nDjco2D775W2YK3sDhxPcMmzUAmTY", "fee recipient of pump"),
    account("CebN5WGQ4jvEPvsVU4EoHEpgzq1VV7AbicfhtW4xC9iM", "fee recipient of pump until 2025"),
    account("7hTckgnGnLQR6sdH7YkqFTAA7VwTfYFaZ6EhEsU3saCX", "fee recipient of PumpSwap"),
    account("JCRGumoE9Qi5BBgULTgdgTLjSgkCMSbF62ZZfGs84JeU", "fee recipient of PumpSwap"),
    account("GesfTA3X2arioaHp8bbKdjG9vJtskViWACZoYvxp4twS", "fee recipient of pump's mayhem coins"),
    account("BwWK17cbHxwWBKZkUYvzxLcNQ1YVyaFezduWbtm2de6s", "agent that trades pump's mayhem coins"),
    account("MAyhSmzXzV1pTf7LsNkrNwkWKTo4ougAJ1PPg47MD4e", "program of pump's mayhem coins"),
    account("pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ", "fee program of pump"),
    account("4wTV1YmiEkRvAtNtsSGPtUrqRYQMe5SKy2uB4Jjaxnjf", "global account of pump"),
    account("39azUYFWPz3VHgKCf3VChUwbpURdCHRxjWVowf5jUJjg", "migration authority of pump"),
    account("5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1", "owner of the vaults of Raydium AMM v4"),
    account("GpMZbSM2GgvTKHJirzeGfMFoaZ8UR2X7F4v8vHTvxFbL", "owner of the vaults of Raydium CPMM"),
    account("WLHv2UAZm6z4KyaaELi5pjdbJh6RESMva1Rnn8pJVVh", "owner of the vaults of Raydium LaunchLab"),
    account("FhVo3mqL8PW5pH5U2CN4XE33DokiyZnUwuGpH2hmHLuM", "owner of the vaults of Meteora DBC"),
    account("HLnpSz9h2S4hiLQ43rnSD9XkcUThA7B8hQMKmDaiTLcC", "owner of the vaults of Meteora DAMM v2"),
    account("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4", "router Jupiter"),
];

const fn account(text: &str, what: &'static str) -> (Address, &'static str) {
    (Address::literal(text), what)
}

/// The built-in label of `address`; none if the address is not known as a protocol's.
#[must_use]
pub fn known(address: &Address) -> Option<&'static str> {
    let account = ACCOUNTS.iter().find(|(known, _)| known == address).map(|(_, what)| *what);
    account.or_else(|| Program::at(address).map(Program::name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_is_listed_twice_and_programs_are_known_too() {
        for (at, (address, what)) in ACCOUNTS.iter().enumerate() {
            assert_eq!(known(address), Some(*what));
            assert!(
                ACCOUNTS.iter().skip(at + 1).all(|(other, _)| other != address),
                "{address} is there twice"
            );
        }
        assert_eq!(known(&Program::Pumpswap.address()), Some("pumpswap"));
        assert_eq!(known(&Address::WSOL), None);
    }
}
