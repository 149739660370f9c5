//! What does not follow from a schema: by what a table is ordered, cut and aged.

use model::{Kind, Schema};

/// The physical choices of one record.
struct Choice {
    record: &'static str,
    /// The columns of the key in the order in which they are looked up.
    order: &'static [&'static str],
    partition: Partition,
    /// The time of a row, which its age counts from; `as_of` without.
    time: Option<&'static str>,
    /// Columns that rows are also looked up by.
    lookups: &'static [&'static str],
}

/// What a partition is.
#[derive(Clone, Copy)]
enum Partition {
    /// All in one.
    None,
    /// A day of a time of the key.
    Day(&'static str),
    /// As many slots as there are in a day at 0.4 s each, of an event id of the key. An event's day would need
    /// its block time, which a deletion does not name.
    Slots(&'static str),
}

const CHOICES: &[Choice] = &[
    Choice {
        record: "trades",
        order: &["event_id"],
        partition: Partition::Slots("event_id"),
        time: Some("block_time"),
        lookups: &["mint", "trader", "pool", "signature"],
    },
    Choice {
        record: "candles",
        order: &["series", "interval", "id", "open_time"],
        partition: Partition::Day("open_time"),
        time: Some("open_time"),
        lookups: &[],
    },
    Choice {
        record: "indicators",
        order: &["interval", "mint", "open_time"],
        partition: Partition::Day("open_time"),
        time: Some("open_time"),
        lookups: &[],
    },
    Choice {
        record: "token_stats",
        order: &["window", "mint"],
        partition: Partition::None,
        time: None,
        lookups: &[],
    },
    Choice {
        record: "wallet_stats",
        order: &["period", "trader"],
        partition: Partition::None,
        time: None,
        lookups: &[],
    },
    Choice {
        record: "wallet_positions",
        order: &["trader", "mint"],
        partition: Partition::None,
        time: None,
        lookups: &["mint"],
    },
    Choice {
        record: "lifecycle",
        order: &["kind", "mint"],
        partition: Partition::None,
        time: Some("at"),
        lookups: &[],
    },
    Choice {
        record: "labels",
        order: &["kind", "subject"],
        partition: Partition::None,
        time: None,
        lookups: &["mint", "wallet"],
    },
    Choice {
        record: "smart_matches",
        order: &["list", "event_id"],
        partition: Partition::Slots("event_id"),
        time: None,
        lookups: &["mint", "trader"],
    },
    Choice {
        record: "smart_clusters",
        order: &["list", "mint", "window_start"],
        partition: Partition::Day("window_start"),
        time: Some("window_start"),
        lookups: &[],
    },
    Choice {
        record: "alerts",
        order: &["alert_id"],
        partition: Partition::None,
        time: Some("fired_at"),
        lookups: &["mint", "rule_id"],
    },
];

/// How the table of a schema is laid out. What a choice says of columns that the schema does not have, or not
/// in its key where they must be, does not count.
pub(super) struct Layout {
    /// The columns of `ORDER BY`: those of the key, each once.
    pub(super) order: Vec<&'static str>,
    /// The expression of `PARTITION BY`.
    pub(super) partition: Option<String>,
    /// The expression of the time that a row's age counts from.
    pub(super) time: String,
    /// Columns with a Bloom filter.
    pub(super) lookups: Vec<&'static str>,
}

pub(super) fn layout(schema: &Schema) -> Layout {
    let choice = CHOICES.iter().find(|choice| choice.record == schema.name);
    let key: Vec<&'static str> = schema.columns.iter().take(schema.key).map(|column| column.name).collect();
    let order = choice
        .map(|choice| choice.order)
        .filter(|order| order.len() == key.len() && key.iter().all(|name| order.contains(name)))
        .map_or_else(|| key.clone(), <[_]>::to_vec);
    let partition = choice.and_then(|choice| match choice.partition {
        Partition::Day(name) if key.contains(&name) => Some(format!("toDate({name})")),
        Partition::Slots(name) if key.contains(&name) => {
            Some(format!("intDiv(toUInt64OrZero(substringIndex({name}, '-', 1)), 216000)"))
        }
        _ => None,
    });
    let has = |name: &&str, is_time: bool| {
        schema.columns.iter().any(|column| column.name == *name && (!is_time || column.kind == Kind::Time))
    };
    // A deletion has no time but that at which it came.
    let time = choice.and_then(|choice| choice.time).filter(|name| has(name, true)).map_or_else(
        || "toDateTime(as_of)".to_owned(),
        |name| {
            if key.contains(&name) {
                format!("toDateTime({name})")
            } else {
                format!("toDateTime(ifNull({name}, as_of))")
            }
        },
    );
    let lookups = choice.map_or(&[][..], |choice| choice.lookups);
    Layout {
        order,
        partition,
        time,
        lookups: lookups.iter().copied().filter(|name| has(name, false)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use model::Column;

    use super::*;

    #[test]
    fn an_order_is_a_permutation_of_the_key_or_the_key() {
        static SCHEMA: Schema = Schema {
            name: "candles",
            doc: "",
            key: 4,
            cadence: model::Cadence::Flush,
            indexes: &[],
            columns: &[
                Column::new("series", Kind::Symbol, ""),
                Column::new("id", Kind::Address, ""),
                Column::new("interval", Kind::Symbol, ""),
                Column::new("open_time", Kind::Time, ""),
            ],
        };
        let found = layout(&SCHEMA);
        assert_eq!(found.order, ["series", "interval", "id", "open_time"]);
        assert_eq!(found.partition.as_deref(), Some("toDate(open_time)"));
        let shorter = Schema { key: 3, ..SCHEMA };
        let found = layout(&shorter);
        assert_eq!(found.order, ["series", "id", "interval"]);
        assert_eq!(found.partition, None, "rows of one key must be in one partition");
    }
}
