//! Everything the map knows, to be taken up by another program of the same machine.

use super::Sessions;
use super::owners::{Owned, Owners};
use crate::identity::{Process, RowKey};
use crate::tracked::Tracked;
use crate::usage::Accounts;
use serde::{Deserialize, Serialize};

/// A whole map at one moment. Unlike the rows that views hold it loses nothing: going on from it is going
/// straight on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dump {
    epoch: String,
    revision: u64,
    rows: Vec<Tracked>,
    owners: Vec<Owned>,
    deadlines: Vec<(RowKey, u64)>,
    ancestors: Vec<(RowKey, Vec<Process>)>,
    #[serde(default)]
    accounts: Accounts,
    removals: Vec<(u64, RowKey)>,
    #[serde(default)]
    former_keys: Vec<(RowKey, RowKey)>,
    forgotten: u64,
}

impl Sessions {
    /// All that is known.
    pub fn dump(&self) -> Dump {
        Dump {
            epoch: self.epoch.clone(),
            revision: self.revision,
            rows: self.rows.values().cloned().collect(),
            owners: self.owners.written(),
            deadlines: self.deadline_of.iter().map(|(key, at)| (key.clone(), *at)).collect(),
            ancestors: self
                .ancestors
                .iter()
                .map(|(key, ancestors)| (key.clone(), ancestors.clone()))
                .collect(),
            accounts: self.accounts.clone(),
            removals: self.removals.iter().cloned().collect(),
            former_keys: self.former_keys.iter().cloned().collect(),
            forgotten: self.forgotten,
        }
    }

    /// A map that goes on where another stopped.
    pub fn from_dump(dump: Dump) -> Self {
        Self {
            epoch: dump.epoch,
            revision: dump.revision,
            rows: dump.rows.into_iter().map(|row| (row.key.clone(), row)).collect(),
            owners: Owners::read(dump.owners),
            deadlines: dump.deadlines.iter().map(|(key, at)| (*at, key.clone())).collect(),
            deadline_of: dump.deadlines.into_iter().collect(),
            ancestors: dump.ancestors.into_iter().collect(),
            accounts: dump.accounts,
            removals: dump.removals.into(),
            former_keys: dump.former_keys.into(),
            forgotten: dump.forgotten,
        }
    }
}
