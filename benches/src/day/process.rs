//! The resources that this process has used so far, from Linux's `/proc`.

use std::collections::BTreeMap;

use anyhow::Context as _;

/// Microseconds of a tick in which `/proc` counts processor time.
const TICK_US: f64 = 10_000.0;

/// Processor time by thread, and bytes written.
#[derive(Clone, Default)]
pub(super) struct Usage {
    /// Ticks by the thread's id, with the thread's name.
    ticks: BTreeMap<u32, (String, u64)>,
    /// Bytes that went to the disk.
    pub(super) written_bytes: u64,
}

impl Usage {
    /// As of now. Threads that have ended are not among them.
    pub(super) fn now() -> anyhow::Result<Self> {
        let mut usage = Self::default();
        for entry in std::fs::read_dir("/proc/self/task").context("this bench needs Linux's /proc")? {
            let path = entry?.path();
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            // A thread may end while it is looked at.
            let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
            if let Some((id, thread)) = id.zip(thread(&stat)) {
                usage.ticks.insert(id, thread);
            }
        }
        let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes:"));
        usage.written_bytes = written.and_then(|bytes| bytes.trim().parse().ok()).unwrap_or(0);
        Ok(usage)
    }

    /// Microseconds of processor time since `before`, by the names of threads.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn cpu_us_since(&self, before: &Self) -> BTreeMap<String, f64> {
        let mut by_name: BTreeMap<String, f64> = BTreeMap::new();
        for (id, (name, ticks)) in &self.ticks {
            let past = before.ticks.get(id).map_or(0, |(_, ticks)| *ticks);
            *by_name.entry(name.clone()).or_default() += ticks.saturating_sub(past) as f64 * TICK_US;
        }
        by_name
    }
}

/// Name and ticks (user and system) from a line of `stat`; the name is in parentheses and may hold any character.
fn thread(stat: &str) -> Option<(String, u64)> {
    let (head, tail) = stat.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let mut fields = tail.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((name, user + system))
}
