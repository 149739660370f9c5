//! What happens to a token once: it is created, its curve is complete, it migrates, pools are opened.

use std::ops::Deref;
use std::sync::Arc;

use model::{Address, CurveCompleted, EventId, Migrated, Origin, PoolCreated, Seconds, TokenCreated};
use serde::{Deserialize, Serialize};

/// The creation of a token, shared by all rows that tell of it: a row that changes copies no text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "TokenCreated", into = "TokenCreated")]
pub struct Created(Arc<TokenCreated>);

impl From<TokenCreated> for Created {
    fn from(event: TokenCreated) -> Self {
        Self(Arc::new(event))
    }
}

impl From<Created> for TokenCreated {
    fn from(created: Created) -> Self {
        Arc::unwrap_or_clone(created.0)
    }
}

impl Deref for Created {
    type Target = TokenCreated;
    fn deref(&self) -> &TokenCreated {
        &self.0
    }
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Milestone {
    /// It was created, on a curve.
    Created(Created),
    /// The curve has sold everything.
    Completed(Box<CurveCompleted>),
    /// It left the curve.
    Migrated(Box<Migrated>),
    /// A pool was opened.
    Opened(Box<PoolCreated>),
}

impl Milestone {
    /// Name, order, time.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match self {
            Self::Created(event) => &event.origin,
            Self::Completed(event) => &event.origin,
            Self::Migrated(event) => &event.origin,
            Self::Opened(event) => &event.origin,
        }
    }
}

/// When and where something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    /// Block time, seconds.
    pub time: Seconds,
    /// The event.
    pub id: EventId,
    /// The pool, where the event says.
    pub pool: Option<Address>,
}

impl Moment {
    fn new(origin: &Origin, pool: Option<Address>) -> Self {
        Self { time: origin.block_time, id: origin.id, pool }
    }
}

/// The milestones of a token, in canonical order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Milestones(Vec<Milestone>);

impl Milestones {
    pub(super) fn change(&mut self, milestone: Milestone, is_gain: bool) {
        let key = |m: &Milestone| m.origin().id;
        let at = self.0.partition_point(|other| (key(other), other) < (key(&milestone), &milestone));
        let is_there = self.0.get(at) == Some(&milestone);
        match (is_gain, is_there) {
            (true, false) => self.0.insert(at, milestone),
            (false, true) => drop(self.0.remove(at)),
            _ => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first of any kind.
    pub(super) fn first(&self) -> Option<Moment> {
        self.0.first().map(|milestone| {
            let pool = match milestone {
                Milestone::Created(event) => Some(event.pool),
                Milestone::Completed(event) => Some(event.pool),
                Milestone::Migrated(event) => event.to,
                Milestone::Opened(event) => Some(event.pool),
            };
            Moment::new(milestone.origin(), pool)
        })
    }

    pub(super) fn created(&self) -> Option<&Created> {
        self.0.iter().find_map(|milestone| match milestone {
            Milestone::Created(event) => Some(event),
            _ => None,
        })
    }

    pub(super) fn created_at(&self) -> Option<Moment> {
        self.created().map(|event| Moment::new(&event.origin, Some(event.pool)))
    }

    pub(super) fn completed(&self) -> Option<Moment> {
        self.0.iter().find_map(|milestone| match milestone {
            Milestone::Completed(event) => Some(Moment::new(&event.origin, Some(event.pool))),
            _ => None,
        })
    }

    /// The migration; where no event tells of one, the first pool that was opened once the curve was
    /// complete.
    pub(super) fn migrated(&self) -> Option<Moment> {
        let told = self.0.iter().find_map(|milestone| match milestone {
            Milestone::Migrated(event) => Some(Moment::new(&event.origin, event.to)),
            _ => None,
        });
        let opened = || {
            let complete = self.completed()?.id;
            self.0.iter().find_map(|milestone| match milestone {
                Milestone::Opened(event) if event.origin.id > complete => {
                    Some(Moment::new(&event.origin, Some(event.pool)))
                }
                _ => None,
            })
        };
        told.or_else(opened)
    }

    /// The opening of a pool.
    pub(super) fn opening(&self, pool: &Address) -> Option<&PoolCreated> {
        self.0.iter().find_map(|milestone| match milestone {
            Milestone::Opened(event) if event.pool == *pool => Some(&**event),
            _ => None,
        })
    }
}
