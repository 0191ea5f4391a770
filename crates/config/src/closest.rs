/// Maximum length in bytes of a word for which a similar name is searched. No name is half as long.
const MAX_WORD: usize = 64;

/// Returns the name that is most similar to `word`, if one is similar enough to be a typing mistake.
pub fn closest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let word = word.to_lowercase();
    names
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&word, name), *name))
        .filter(|(distance, name)| *distance <= 1.max(name.chars().count() / 3))
        .min()
        .map(|(_, name)| name)
}
