//! Reads the fields of JSON that other programs write: hook payloads, session files, transcripts, status lines.
//!
//! Their formats change between versions. A value of an unexpected type therefore counts as missing, and the other
//! fields are still read.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A field of an object. A value of another type than `T` counts as missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field<T>(pub(crate) Option<T>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::read(<&RawValue>::deserialize(deserializer)?))
    }
}

impl<'de, T: Deserialize<'de>> Field<T> {
    /// Reads a value.
    pub(crate) fn read(json: &'de RawValue) -> Self {
        Self(serde_json::from_str(json.get()).ok())
    }
}

impl Field<bool> {
    /// Returns true if the value is `true`.
    pub(crate) fn is_true(&self) -> bool {
        self.0 == Some(true)
    }
}

impl Field<Text<'_>> {
    /// Returns the text unless it is empty.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.as_ref().map(|text| text.0.as_ref()).filter(|text| !text.is_empty())
    }

    /// Returns the text, which is empty if the field is missing.
    pub(crate) fn text(&self) -> &str {
        self.get().unwrap_or_default()
    }

    /// Returns a copy of the text unless it is empty.
    pub(crate) fn to_text(&self) -> Option<String> {
        self.get().map(str::to_owned)
    }
}

/// A JSON string. Invalid UTF-8 and unpaired surrogates become replacement characters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(String::from_utf8_lossy(bytes)))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
        }
        // Agents that truncate their own output in the middle of an emoji send an unpaired surrogate. The parser
        // rejects it in a string, but not in bytes.
        deserializer.deserialize_bytes(TextVisitor)
    }
}

/// Calls `read` with the name and the value of each field of a JSON object, up to the first error. A text that is not
/// an object has no fields.
pub(crate) fn for_each_field<'a>(json: &'a str, read: impl FnMut(&str, &'a RawValue)) {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    // An error ends the object. The fields before it are already read.
    let _ = ObjectFields(read).deserialize(&mut deserializer);
}

/// Visits an object field by field, so that the fields before an error are kept.
struct ObjectFields<F>(F);

impl<'de, F: FnMut(&str, &'de RawValue)> DeserializeSeed<'de> for ObjectFields<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for ObjectFields<F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Text<'de>>()? {
            (self.0)(&name.0, map.next_value()?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Fields<'a> {
        #[serde(borrow)]
        name: Field<Text<'a>>,
        pid: Field<u32>,
        spare: Field<bool>,
    }

    #[test]
    fn value_of_another_type_counts_as_missing() {
        for (json, name, pid, spare) in [
            (r#"{"name":"a","pid":7,"spare":true}"#, "a", Some(7), true),
            (r#"{"name":7,"pid":"7","spare":1}"#, "", None, false),
            (r#"{"name":null,"pid":-1,"spare":null}"#, "", None, false),
            (r#"{"name":["a"],"pid":1e12,"spare":{},"new":[{}]}"#, "", None, false),
            (r#"{"name":"","pid":7.5,"spare":false}"#, "", None, false),
            ("{}", "", None, false),
        ] {
            let fields: Fields<'_> = serde_json::from_str(json).unwrap();
            let found = (fields.name.text(), fields.pid.0, fields.spare.is_true());
            assert_eq!(found, (name, pid, spare), "{json}");
            assert_eq!(
                fields.name.to_text().as_deref(),
                Some(name).filter(|name| !name.is_empty())
            );
        }
    }

    #[test]
    fn fields_before_an_error_are_kept() {
        for (json, expected) in [
            (r#"{"a":1,"b":[2]}"#, "a=1 b=[2] "),
            (r#"{"a":1,"b":[2"#, "a=1 "),
            (r#"{"a":1,,"b":2}"#, "a=1 "),
            (r#"{"a":1} trailing"#, "a=1 "),
            ("[1]", ""),
            ("", ""),
        ] {
            let mut found = String::new();
            for_each_field(json, |name, value| found.extend([name, "=", value.get(), " "]));
            assert_eq!(found, expected, "{json}");
        }
    }
}
