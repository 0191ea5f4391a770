//! Splits JSON into its members without decoding them, even if the text is truncated.

/// A member of an object, in its JSON form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// The name, with its quotes.
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    /// True if the value is not truncated.
    pub(crate) is_whole: bool,
}

/// An iterator over the members of an object.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a> {
    rest: &'a str,
    is_first: bool,
}

/// Returns the members of the object at the beginning of `text`; `None` if `text` does not begin with an object.
pub(crate) fn members(text: &str) -> Option<Members<'_>> {
    let rest = text.trim_start().strip_prefix('{')?;
    Some(Members { rest, is_first: true })
}

impl<'a> Members<'a> {
    /// Returns the text after the last member that the iterator returned.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let mut rest = self.rest.trim_start();
        if !std::mem::take(&mut self.is_first) {
            rest = rest.strip_prefix(',')?.trim_start();
        }
        // A truncated value has nothing after it.
        self.rest = "";
        let (name, rest) = rest.split_at_checked(string_end(rest)?)?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let end = value_end(rest);
        let (value, rest) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        self.rest = rest;
        Some(Member { name, value, is_whole: end.is_some() })
    }
}

/// Returns the length of the value at the beginning of `text`; `None` if it is truncated.
fn value_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes.first()? {
        b'"' => string_end(text),
        b'{' | b'[' => {
            let (mut at, mut depth) = (0, 0_usize);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => at += string_end(text.get(at..)?)?,
                    b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
                    b'}' | b']' => {
                        (at, depth) = (at + 1, depth - 1);
                        if depth == 0 {
                            return Some(at);
                        }
                    }
                    _ => at += 1,
                }
            }
            None
        }
        _ => text.find([',', '}', ']', ' ', '\n', '\r', '\t']),
    }
}

/// Returns the length of the string at the beginning of `text`; `None` if there is none, or if it is truncated.
fn string_end(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('"')?;
    let mut from = 0;
    loop {
        let quote = from + inside.get(from..)?.find('"')?;
        let escapes = inside.as_bytes()[..quote].iter().rev().take_while(|byte| **byte == b'\\');
        if escapes.count().is_multiple_of(2) {
            return Some(quote + 2);
        }
        from = quote + 1;
    }
}

/// Splits `text` in two. The first part has at most `max` bytes.
pub(crate) fn split_near(text: &str, max: usize) -> (&str, &str) {
    let mut ends = (0..=max.min(text.len())).rev();
    text.split_at(ends.find(|end| text.is_char_boundary(*end)).unwrap_or(0))
}

/// Removes the blanks between the parts of `json`.
pub(crate) fn compact(json: &str) -> String {
    let mut compacted = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => string_end(rest).unwrap_or(rest.len()),
            ' ' | '\n' | '\r' | '\t' => {
                rest = rest.trim_start_matches(first);
                continue;
            }
            _ => first.len_utf8(),
        };
        let (part, after) = rest.split_at(end);
        compacted.push_str(part);
        rest = after;
    }
    compacted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn parts(text: &str) -> Vec<(&str, &str, bool)> {
        let parts = members(text).into_iter().flatten();
        parts.map(|part| (part.name, part.value, part.is_whole)).collect()
    }

    #[test]
    fn members_are_found_up_to_the_truncation() {
        let whole = r#" { "a" : "x\"\\" , "a":[1,{"b":"]"}], "c":true }"#;
        let expected = [
            ("\"a\"", r#""x\"\\""#, true),
            ("\"a\"", r#"[1,{"b":"]"}]"#, true),
            ("\"c\"", "true", true),
        ];
        assert_eq!(parts(whole), expected);
        for (text, expected) in [
            (r#"{"a":"cut of"#, ("\"a\"", "\"cut of", false)),
            (r#"{"a":"cut\""#, ("\"a\"", "\"cut\\\"", false)),
            (r#"{"a":[1,["#, ("\"a\"", "[1,[", false)),
            (r#"{"a":"#, ("\"a\"", "", false)),
            (r#"{"a":12"#, ("\"a\"", "12", false)),
        ] {
            assert_eq!(parts(text), [expected]);
        }
        for text in ["", "[]", "\"a\"", "{", "{}", "{\"a", "{\"a\"", "{1:2}", "}"] {
            assert_eq!(parts(text), [], "{text}");
        }
        assert_eq!(compact("{ \"a b\" :\n[ 1 ,\t\" \\\" \" ] }"), r#"{"a b":[1," \" "]}"#);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::String),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::btree_map(".{0,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn members_match_the_parsed_object(
            object in prop::collection::btree_map(".{0,6}", json(), 0..5), pretty: bool, cut in 0..400_usize
        ) {
            let value = Value::Object(object.into_iter().collect());
            let text = if pretty { format!("{value:#}") } else { value.to_string() };
            let found: serde_json::Map<String, Value> = members(&text).into_iter().flatten()
                .map(|member| (
                    serde_json::from_str(member.name).unwrap(),
                    serde_json::from_str(member.value).unwrap(),
                )).collect();
            prop_assert_eq!(Value::Object(found), value.clone());
            prop_assert_eq!(compact(&text), value.to_string());
            // A truncated text has the same members up to the truncation.
            let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let all: Vec<_> = members(&text).into_iter().flatten().collect();
            for (index, member) in members(text.split_at(cut).0).into_iter().flatten().enumerate() {
                prop_assert_eq!(member.name, all[index].name);
                prop_assert!(all[index].value.starts_with(member.value));
                prop_assert!(!member.is_whole || member.value == all[index].value);
            }
        }
    }
}
