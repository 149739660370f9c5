//! Addresses: the real ones of the programs, and derived ones for everything simulated.
//!
//! A derived address is a hash of what it stands for, so a curve's vault needs no table to be found
//! again. It is not the program-derived address of the chain: that takes SHA-256 and a curve test, and
//! nothing that reads transactions can tell the difference.

use model::{Address, Program};

/// A program, with its text for log lines.
#[derive(Debug)]
pub(crate) struct Called {
    pub(crate) address: Address,
    pub(crate) text: &'static str,
}

const fn called(text: &'static str) -> Called {
    Called { address: Address::literal(text), text }
}

/// pump.fun.
pub(crate) static PUMP: Called =
    Called { address: Program::Pump.address(), text: "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P" };
/// PumpSwap.
pub(crate) static PUMPSWAP: Called =
    Called { address: Program::Pumpswap.address(), text: "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA" };
pub(crate) static SYSTEM: Called = called("11111111111111111111111111111111");
pub(crate) static COMPUTE_BUDGET: Called = called("ComputeBudget111111111111111111111111111111");
pub(crate) static TOKEN: Called = called("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
pub(crate) static TOKEN_2022: Called = called("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
pub(crate) static ASSOCIATED_TOKEN: Called = called("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");
pub(crate) static PUMP_FEES: Called = called("pfeeUxB6jkeY1Hxd7CsFCAjcbHA9rWtchMGdZ6VojVZ");
pub(crate) static MAYHEM: Called = called("MAyhSmzXzV1pTf7LsNkrNwkWKTo4ougAJ1PPg47MD4e");
/// An aggregator that exists in the simulation alone: no reader of transactions should need to know it.
pub(crate) static ROUTER: Called = called("SimRouter1111111111111111111111111111111111");

pub(crate) const PUMP_GLOBAL: Address = Address::literal("4wTV1YmiEkRvAtNtsSGPtUrqRYQMe5SKy2uB4Jjaxnjf");
pub(crate) const PUMP_AUTHORITY: Address = Address::literal("Ce6TQqeHC9p8KetsN6JsjHK7UTZk7nasjjnr7XxXp9F1");
pub(crate) const PUMP_VOLUME: Address = Address::literal("Hq2wp8uJ9jCPsYgNHex8RtqdvMPfVGoYwjvF1ATiwn2Y");
pub(crate) const PUMP_FEE_CONFIG: Address = Address::literal("8Wf5TiAheLUqBrKXeYg2JtAFFMWtKdG2BSFgqUcPVwTt");
pub(crate) const PUMP_FEE_RECIPIENT: Address =
    Address::literal("62qc2CNXwrYqQScmEdiZFFAnJR262PxWEuNQtxfafNgV");
pub(crate) const MAYHEM_FEE_RECIPIENT: Address =
    Address::literal("GesfTA3X2arioaHp8bbKdjG9vJtskViWACZoYvxp4twS");
pub(crate) const MINT_AUTHORITY: Address = Address::literal("TSLvdd1pWpHVjahSpsvCXUbgwsL3JAcvokwaKt1eokM");
pub(crate) const MIGRATION_AUTHORITY: Address =
    Address::literal("39azUYFWPz3VHgKCf3VChUwbpURdCHRxjWVowf5jUJjg");
pub(crate) const MAYHEM_STATE: Address = Address::literal("13ec7XdrjF3h3YcqBTFDSReRcUFwbCnJaAQspM4j6DDJ");
/// The agent that trades mayhem coins as `user`.
pub(crate) const MAYHEM_AGENT: Address = Address::literal("BwWK17cbHxwWBKZkUYvzxLcNQ1YVyaFezduWbtm2de6s");
pub(crate) const SWAP_GLOBAL: Address = Address::literal("ADyA8hdefvWN2dbGGWFotbzWxrAvLW83WG6QCVXvJKqw");
pub(crate) const SWAP_AUTHORITY: Address = Address::literal("GS4CU59F31iL7aR2Q8zVS8DRrcRnXX1yjQ66TqNVQnaR");
pub(crate) const SWAP_VOLUME: Address = Address::literal("C2aFPdENg4A2HQsmrd5rTw5TaYBX5Ku887cWjbFKtZpw");
pub(crate) const SWAP_FEE_CONFIG: Address = Address::literal("5PHirr8joyTMp9JMm6nW7hNDVyEYdkzDqazxPD7RaTjx");
pub(crate) const SWAP_FEE_RECIPIENT: Address =
    Address::literal("JCRGumoE9Qi5BBgULTgdgTLjSgkCMSbF62ZZfGs84JeU");

/// Addresses that transactions only read; the builder puts them last, as the chain does.
const READ_ONLY: [Address; 18] = [
    Program::Pump.address(),
    Program::Pumpswap.address(),
    Address::ZERO,
    COMPUTE_BUDGET.address,
    TOKEN.address,
    TOKEN_2022.address,
    ASSOCIATED_TOKEN.address,
    PUMP_FEES.address,
    MAYHEM.address,
    ROUTER.address,
    PUMP_GLOBAL,
    PUMP_AUTHORITY,
    PUMP_VOLUME,
    PUMP_FEE_CONFIG,
    SWAP_GLOBAL,
    SWAP_AUTHORITY,
    SWAP_VOLUME,
    SWAP_FEE_CONFIG,
];

/// True if simulated transactions only ever read `address`.
pub(crate) fn is_read_only(address: &Address) -> bool {
    READ_ONLY.contains(address) || *address == Address::WSOL || *address == Address::USDC
}

/// What a derived address is for; keeps addresses of different purposes apart.
pub(crate) mod tag {
    pub(crate) const WALLET: u64 = 1;
    pub(crate) const MINT: u64 = 2;
    pub(crate) const CURVE: u64 = 3;
    pub(crate) const TOKEN_ACCOUNT: u64 = 4;
    pub(crate) const POOL: u64 = 5;
    pub(crate) const LP_MINT: u64 = 6;
    pub(crate) const CREATOR_VAULT: u64 = 7;
    pub(crate) const VOLUME: u64 = 8;
    pub(crate) const OTHER: u64 = 9;
    pub(crate) const MIGRATION: u64 = 10;
}

/// The token account of `owner` for `mint`.
pub(crate) fn token_account(owner: &Address, mint: &Address) -> Address {
    derive(tag::TOKEN_ACCOUNT, &[owner, mint])
}

/// The address that stands for `parts` in the role of `tag`.
pub(crate) fn derive(tag: u64, parts: &[&Address]) -> Address {
    let mut state = mix(tag);
    for part in parts {
        for word in part.0.as_chunks::<8>().0 {
            state = mix(state.rotate_left(23) ^ u64::from_le_bytes(*word));
        }
    }
    spread(state)
}

/// The address that stands for a number under a seed.
pub(crate) fn numbered(tag: u64, seed: u64, number: u64) -> Address {
    spread(mix(mix(mix(tag) ^ seed) ^ number))
}

fn spread(state: u64) -> Address {
    let mut out = [0; 32];
    for (i, chunk) in (1..).zip(out.as_chunks_mut::<8>().0) {
        *chunk = mix(state.wrapping_add(u64::wrapping_mul(0x9E37_79B9_7F4A_7C15, i))).to_le_bytes();
    }
    Address(out)
}

/// `SplitMix64`'s finaliser: every bit of the input moves every bit of the output.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_text_of_a_program_is_its_address() {
        for program in [&PUMP, &PUMPSWAP, &SYSTEM, &ROUTER, &TOKEN, &TOKEN_2022, &PUMP_FEES, &MAYHEM] {
            assert_eq!(program.address.to_string(), program.text);
        }
    }

    #[test]
    fn derived_addresses_are_distinct_in_their_first_eight_bytes() {
        let wallets: Vec<Address> = (0..10_000).map(|i| numbered(tag::WALLET, 1, i)).collect();
        let accounts = wallets.iter().map(|w| token_account(w, &Address::WSOL));
        let prefixes: BTreeSet<[u8; 8]> =
            wallets.iter().copied().chain(accounts).filter_map(|a| a.0.first_chunk().copied()).collect();
        assert_eq!(prefixes.len(), 20_000);
    }
}
