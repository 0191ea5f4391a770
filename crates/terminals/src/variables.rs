use std::collections::BTreeMap;
use std::fmt;

/// The environment variables of a process.
pub trait Variables: fmt::Debug {
    /// Returns the value of a variable that is set and not empty.
    fn get(&self, name: &str) -> Option<String>;
}

impl Variables for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        // This calls the inherent method, not the method of the trait.
        BTreeMap::get(self, name).filter(|value| !value.is_empty()).cloned()
    }
}
