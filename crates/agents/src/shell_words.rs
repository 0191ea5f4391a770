//! Quotes and splits the words of shell commands.

/// Quotes a word for a POSIX shell. In single quotes only the single quote itself is special.
pub(crate) fn shell_quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Splits a command into words as a POSIX shell does; `None` if the command has more than plain words.
pub(crate) fn shell_words(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        quoted => word.push(quoted),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => match characters.next()? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            plain => word.extend(['\\', plain]),
                        },
                        '`' => return None,
                        quoted => word.push(quoted),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            '`' | ';' | '&' | '|' | '<' | '>' | '(' | ')' | '#' | '*' | '?' | '\n' => {
                return None;
            }
            plain => word.get_or_insert_default().push(plain),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_word_is_split_into_itself() {
        for word in ["", "a", "a b", "it's", "$HOME `id` \"x\" \\ | & ;\n", "''"] {
            let command = format!("run {}", shell_quoted(word));
            assert_eq!(shell_words(&command), Some(vec!["run".to_owned(), word.to_owned()]));
        }
    }

    #[test]
    fn command_with_shell_syntax_is_not_split() {
        for command in ["a | b", "a; b", "a && b", "a > b", "$(a)", "`a`", "a *", "'a", "a\nb"] {
            assert_eq!(shell_words(command), None, "{command}");
        }
    }
}
