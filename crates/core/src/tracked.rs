use crate::facts::Facts;
use crate::session::Session;
use std::ops::{Deref, DerefMut};

/// A row as the map holds it: what views see, and the facts it is derived from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tracked {
    pub(crate) session: Session,
    pub(crate) facts: Facts,
}

impl Deref for Tracked {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Tracked {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}
