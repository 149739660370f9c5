//! Where the owners of one token stand: their ranks, the largest of them, and what groups hold.

use model::Address;
use serde::{Deserialize, Serialize};

use super::accounts::OwnerKind;
use super::input::Labelled;
use super::owner::Owner;
use super::ranks::Ranks;
use super::record::Group;
use super::top::{Place, Top};

/// The facts of an owner that decide its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    balance: u64,
    kind: OwnerKind,
    labels: [bool; 3],
}

impl Standing {
    pub(super) fn of(owner: &Owner) -> Self {
        let labels = [Labelled::Sniper, Labelled::Bundler, Labelled::Insider];
        Self {
            balance: owner.balance(),
            kind: owner.kind,
            labels: labels.map(|label| owner.is_labelled(label)),
        }
    }
}

/// See the module. Balances up to the dust count as none, but in groups and among the burnt.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Board {
    /// Ranks of holders.
    ranks: Ranks,
    /// The largest of all owners.
    top: Top,
    /// Number of owners who are no holders.
    excluded: u64,
    /// Holdings of burn addresses, raw units.
    burnt: u128,
    /// By label: wallets, and what they hold.
    groups: [(u32, u128); 3],
}

impl Board {
    /// Moves an owner from where it stood to where it stands.
    pub(super) fn change(
        &mut self,
        owner: &Address,
        before: Standing,
        after: &Owner,
        dust: u64,
        keep: usize,
    ) {
        let now = Standing::of(after);
        self.count(before, dust, false);
        self.count(now, dust, true);
        if before.balance > dust {
            self.top.remove(owner, before.balance);
        }
        if now.balance > dust {
            self.top.insert(place(owner, after), keep);
        }
    }

    fn count(&mut self, standing: Standing, dust: u64, is_gain: bool) {
        let Standing { balance, kind, labels } = standing;
        match (kind.is_holder(), is_gain) {
            _ if balance <= dust => {}
            (true, true) => self.ranks.insert(balance),
            (true, false) => self.ranks.remove(balance),
            (false, true) => self.excluded += 1,
            (false, false) => self.excluded -= 1,
        }
        let change = |sum: &mut u128| {
            *sum = if is_gain { *sum + u128::from(balance) } else { *sum - u128::from(balance) };
        };
        if kind == OwnerKind::Burn {
            change(&mut self.burnt);
        }
        for ((wallets, held), _) in self.groups.iter_mut().zip(labels).filter(|(_, is_labelled)| *is_labelled)
        {
            *wallets = if is_gain { *wallets + 1 } else { *wallets - 1 };
            change(held);
        }
    }

    /// Finds the largest `keep` among all owners, if they are no longer all known.
    pub(super) fn fill<'a>(
        &mut self,
        keep: usize,
        dust: u64,
        all: impl Iterator<Item = (&'a Address, &'a Owner)>,
    ) {
        let count = usize::try_from(self.owners()).unwrap_or(usize::MAX);
        let held = all.filter(|(_, owner)| owner.balance() > dust);
        self.top.fill(keep, count, held.map(|(address, owner)| place(address, owner)));
    }

    /// The balances of the holders.
    pub(super) const fn ranks(&self) -> &Ranks {
        &self.ranks
    }

    /// Number of owners, holders and others.
    pub(super) const fn owners(&self) -> u64 {
        self.ranks.count() + self.excluded
    }

    /// The largest owners, the largest first.
    pub(super) fn largest(&self, count: usize) -> &[Place] {
        self.top.largest(count)
    }

    /// Holdings of burn addresses, raw units.
    pub(super) fn burnt(&self) -> u64 {
        u64::try_from(self.burnt).unwrap_or(u64::MAX)
    }

    /// The wallets with a label.
    pub(super) fn group(&self, label: Labelled) -> Group {
        let (wallets, held) = self.groups.get(label as usize).copied().unwrap_or_default();
        Group { wallets, held }
    }
}

fn place(address: &Address, owner: &Owner) -> Place {
    Place {
        owner: *address,
        balance: owner.balance(),
        kind: owner.kind,
        is_from_trades: owner.is_from_trades(),
    }
}
