//! From recorded JSON to transactions and news of slots.
//!
//! [`parse`] recognises which form a value has: what a node's RPC answers (`getTransaction`, `getBlock`,
//! in any of its encodings, with or without the JSON-RPC envelope) or what Yellowstone gRPC clients
//! print (`SubscribeUpdate`), and the quotes of an oracle, which a recording may hold beside them. An error names the place in the document and what should stand there.

mod json;
mod node;
mod parsed;
mod quote;
mod rpc;
mod wire;
mod yellowstone;

use model::{PriceQuote, SlotStatus};

use crate::transaction::Transaction;
pub use json::Json;
use node::Node;

/// One item of a recorded feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every item is a transaction; boxing it would cost an allocation each"
)]
pub enum Feed {
    /// An executed transaction.
    Transaction(Transaction),
    /// News of a slot.
    Slot(SlotStatus),
    /// A price of a quote token.
    Quote(PriceQuote),
    /// A message that says nothing of transactions or slots, by the name of its kind.
    Ignored(&'static str),
}

/// Who printed a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A node's RPC, which answers of blocks that are at least confirmed.
    Rpc,
    /// Yellowstone gRPC, which brings news of slots of its own.
    Yellowstone,
    /// An oracle, one object a quote: see [`Feed::Quote`].
    Oracle,
}

/// What a document holds.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Who printed it.
    pub form: Form,
    /// Its items in order. One that is broken does not keep its neighbours from being read.
    pub items: Vec<Result<Feed, FormatError>>,
}

/// What is wrong in a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct FormatError {
    /// Where in the document, such as `meta.innerInstructions[2].index`.
    pub path: String,
    /// What is wrong there.
    pub what: String,
}

impl FormatError {
    /// An error about the document as a whole.
    fn whole(what: impl Into<String>) -> Self {
        Self { path: "document".to_owned(), what: what.into() }
    }
}

/// Reads a document of any known form.
///
/// # Errors
/// When it is of no known form. What is wrong with one of its items is among the items.
pub fn parse(value: &Json<'_>) -> Result<Parsed, FormatError> {
    let root = Node::root(value);
    match value {
        Json::Array(_) => {
            let mut all = Parsed { form: Form::Rpc, items: Vec::new() };
            for item in root.items()? {
                match parse(item.value()) {
                    Ok(parsed) => {
                        all.form = parsed.form;
                        all.items.extend(parsed.items);
                    }
                    Err(error) => all
                        .items
                        .push(Err(FormatError { path: format!("{}.{}", item.path(), error.path), ..error })),
                }
            }
            Ok(all)
        }
        Json::Object(_) if quote::is_quote(&root) => {
            Ok(Parsed { form: Form::Oracle, items: vec![quote::quote(&root).map(Feed::Quote)] })
        }
        Json::Object(_) if yellowstone::is_update(&root) => {
            Ok(Parsed { form: Form::Yellowstone, items: yellowstone::update(&root) })
        }
        Json::Object(_) => match rpc::answer(&root) {
            Ok(items) => Ok(Parsed { form: Form::Rpc, items }),
            Err(error) => Err(other_kind(&root).map_or(error, |what| root.error(what))),
        },
        _ => Err(FormatError::whole("is neither a JSON object nor an array of them")),
    }
}

/// What an object is that is neither a transaction nor a block, and how it is read.
fn other_kind(root: &Node<'_>) -> Option<&'static str> {
    if root.has("base_amount") && root.has("quote_amount") {
        return Some("is a normalized trade: read it with `--source trades`");
    }
    if root.has("swaps") {
        return Some("is a capture of a coin: read it with `--source trades`");
    }
    if root.has("rules") {
        return Some("holds alert rules: give the file with `--rules`");
    }
    let names_wallet = root.has("trader") || root.has("address");
    (names_wallet && (root.has("list") || root.has("label")))
        .then_some("is an entry of a list of wallets: give the file with `--list`")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;
    use serde_json::{Value, json};

    use super::*;

    fn error(value: &Value) -> String {
        parse(&Json::deserialize(value).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_known_form_is_refused_with_the_reason() {
        assert_eq!(error(&json!(5)), "document: is neither a JSON object nor an array of them");
        assert!(error(&json!({"hello": 1})).contains("neither a transaction"));
        assert!(error(&json!({"jsonrpc": "2.0", "result": null})).contains("does not have"));
        let refused = json!({"jsonrpc": "2.0", "error": {"code": -32015, "message": "version"}});
        assert!(error(&refused).contains("-32015"), "{}", error(&refused));
    }

    #[test]
    fn one_broken_item_of_a_list_leaves_the_others() {
        let slot = json!({"slot": {"slot": "1", "parent": "0", "status": 6}});
        let parsed = parse(&Json::deserialize(&json!([slot, {"x": 1}, slot])).unwrap()).unwrap();
        assert_eq!(parsed.items.iter().filter(|item| item.is_ok()).count(), 2);
        assert!(parsed.items[1].as_ref().unwrap_err().to_string().starts_with("document[1]."));
    }
}
