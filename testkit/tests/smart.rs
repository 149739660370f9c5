//! Lists over random streams: an edit in mid-stream against a list that was so from the start.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use dataflows::Params;
use model::{Control, Event, ListEntry, Record, Row, Value};
use operators::commitment::Committed;
use operators::smart::{self, Cluster, Match};
use testkit::run::{Plan, Tables, run};
use testkit::stream::{Shape, events};

fn params() -> Params {
    let mut params = Params { correction_horizon_s: 60, ..Params::default() };
    params.market.smart =
        smart::Params { cluster_wallets: 2, cluster_window_s: 30, ..smart::Params::default() };
    params
}

fn column<R: Record>(name: &str) -> usize {
    R::SCHEMA.columns.iter().position(|column| column.name == name).unwrap()
}

/// Which rows of a record are historical, and the rows without saying so.
fn told<R: Record>(tables: &Tables) -> (Vec<bool>, Vec<Row>) {
    let at = column::<R>("historical");
    let rows = tables.get(R::SCHEMA.name).into_iter().flatten().map(|(_, row)| row.clone());
    rows.map(|mut row| (std::mem::replace(&mut row[at], Value::Null) == Value::Bool(true), row)).unzip()
}

/// The same stream with what the lists say at its end said before anything else.
fn from_the_start(events: &[Event]) -> Vec<Event> {
    let mut counts: BTreeMap<ListEntry, i64> = BTreeMap::new();
    for event in events {
        match event {
            Event::Control(Control::AddListEntry(entry)) => *counts.entry(entry.clone()).or_default() += 1,
            Event::Control(Control::RemoveListEntry { entry, .. }) => {
                *counts.entry(entry.clone()).or_default() -= 1;
            }
            _ => {}
        }
    }
    let mut standing: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).map(|(e, _)| e).collect();
    standing.sort_by_key(|entry| (entry.known_from, entry.clone()));
    let key = |entry: &ListEntry| (entry.list.clone(), entry.trader, entry.valid_from / 1000);
    let last: BTreeMap<_, _> = standing.into_iter().map(|entry| (key(&entry), entry)).collect();
    let controls = last.into_values().map(|entry| Event::Control(Control::AddListEntry(entry).since(0)));
    let is_list = |event: &&Event| {
        matches!(event, Event::Control(Control::AddListEntry(_) | Control::RemoveListEntry { .. }))
    };
    controls.chain(events.iter().filter(|event| !is_list(event)).cloned()).collect()
}

#[test]
fn an_edit_in_mid_stream_matches_as_a_list_that_was_so_from_the_start() {
    let (mut historical, mut live, mut of_clusters) = (0, 0, (0, 0));
    for seed in 0..10 {
        let edited = events(Shape { seed, slots: 150, gap_s_max: 2, late_s_max: 50 });
        let edited_tables = run(&edited, &params(), Plan::PLAIN).tables;
        let whole = run(&from_the_start(&edited), &params(), Plan::PLAIN).tables;
        let (flags, rows) = told::<Committed<Match>>(&edited_tables);
        let (flags_of_whole, rows_of_whole) = told::<Committed<Match>>(&whole);
        assert_eq!(rows, rows_of_whole, "seed {seed}");
        assert!(flags_of_whole.iter().all(|is_historical| !is_historical), "seed {seed}");
        historical += flags.iter().filter(|flag| **flag).count();
        live += flags.iter().filter(|flag| !**flag).count();
        let (flags, rows) = told::<Committed<Cluster>>(&edited_tables);
        assert_eq!(rows, told::<Committed<Cluster>>(&whole).1, "seed {seed}");
        of_clusters.0 += flags.iter().filter(|flag| **flag).count();
        of_clusters.1 += flags.iter().filter(|flag| !**flag).count();
    }
    assert!(historical > 100 && live > 100, "{historical} and {live}");
    assert!(of_clusters.0 > 10 && of_clusters.1 > 10, "{of_clusters:?}");
}
