//! Instructions of the token programs that a node printed parsed.
//!
//! With `jsonParsed` a node spells what it knows as names and values, and leaves out accounts and data. Of the
//! token programs it is spelled back, so far as [`crate::holdings`] reads it: what moved between which
//! accounts, and whose an account is that is opened. Accounts that are not read (authorities) are left out.

use model::Address;

use super::node::Node;
use super::rpc::key_index;
use crate::holdings::{TOKEN_PROGRAMS, tag};

/// Accounts and data of a parsed instruction; none if it is no token program's, or is not read.
pub(super) fn token_instruction(
    node: &Node<'_>,
    program: Option<&Address>,
    keys: &[Address],
) -> Option<(Vec<u16>, Vec<u8>)> {
    if !program.is_some_and(|program| TOKEN_PROGRAMS.contains(program)) {
        return None;
    }
    let parsed = node.field("parsed");
    let info = parsed.field("info");
    let account = |name: &str| key_index(&info.field(name), keys).ok();
    let amount = || {
        let amount = info.optional_number::<u64>("amount").ok().flatten();
        amount.or_else(|| info.field("tokenAmount").optional_number("amount").ok().flatten())
    };
    let moved = |accounts: &[&str], tag: u8| {
        let accounts = accounts.iter().map(|name| account(name)).collect::<Option<Vec<u16>>>()?;
        Some((accounts, [&[tag][..], &amount()?.to_le_bytes()].concat()))
    };
    match parsed.field("type").value().as_str()? {
        "transfer" => moved(&["source", "destination"], tag::TRANSFER),
        "transferChecked" | "transferCheckedWithFee" => {
            moved(&["source", "mint", "destination"], tag::TRANSFER_CHECKED)
        }
        "mintTo" | "mintToChecked" => moved(&["mint", "account"], tag::MINT_TO),
        "burn" | "burnChecked" => moved(&["account", "mint"], tag::BURN),
        "initializeAccount" | "initializeAccount2" | "initializeAccount3" => {
            let owner: Address = info.field("owner").parsed().ok()?;
            let accounts = vec![account("account")?, account("mint")?];
            Some((accounts, [&[tag::INITIALIZE_ACCOUNT_3][..], &owner.0].concat()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::super::json::Json;
    use super::*;

    fn keys() -> Vec<Address> {
        (1..=5).map(|byte| Address([byte; 32])).collect()
    }

    fn spelled(kind: &str, info: &Value, program: Option<Address>) -> Option<(Vec<u16>, Vec<u8>)> {
        let value = json!({"parsed": {"type": kind, "info": info}});
        let value = Json::deserialize(&value).unwrap();
        token_instruction(&Node::root(&value), program.as_ref(), &keys())
    }

    #[test]
    fn what_moves_tokens_or_opens_an_account_is_spelled_back() {
        let [one, two, three] = [1, 2, 3].map(|byte| Address([byte; 32]).to_string());
        let token = Some(TOKEN_PROGRAMS[1]);
        let amount = |tag: u8| [&[tag][..], &700u64.to_le_bytes()].concat();
        let plain = json!({"source": one, "destination": two, "amount": "700", "authority": three});
        assert_eq!(spelled("transfer", &plain, token), Some((vec![0, 1], amount(3))));
        let checked = json!({"source": one, "mint": three, "destination": two, "tokenAmount": {"amount": "700", "decimals": 6}});
        assert_eq!(spelled("transferChecked", &checked, token), Some((vec![0, 2, 1], amount(12))));
        let minted = json!({"mint": three, "account": one, "amount": "700"});
        assert_eq!(spelled("mintTo", &minted, token), Some((vec![2, 0], amount(7))));
        assert_eq!(spelled("burn", &minted, token), Some((vec![0, 2], amount(8))));
        let opened = json!({"account": one, "mint": three, "owner": two});
        let data = [&[18][..], &[2; 32]].concat();
        assert_eq!(spelled("initializeAccount3", &opened, token), Some((vec![0, 2], data)));
    }

    #[test]
    fn other_programs_other_instructions_and_broken_ones_are_left() {
        let one = Address([1; 32]).to_string();
        let info = json!({"source": one, "destination": one, "amount": "700"});
        assert_eq!(spelled("transfer", &info, Some(Address::ZERO)), None);
        assert_eq!(spelled("closeAccount", &info, Some(TOKEN_PROGRAMS[0])), None);
        let far = json!({"source": one, "destination": Address([9; 32]).to_string(), "amount": "700"});
        assert_eq!(spelled("transfer", &far, Some(TOKEN_PROGRAMS[0])), None);
        assert_eq!(spelled("transfer", &json!({}), Some(TOKEN_PROGRAMS[0])), None);
    }
}
