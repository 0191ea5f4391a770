//! Names that tell the sessions of a list apart.

use crate::session::Session;
use crate::session::identity::RowKey;
use crate::session::status::Status;
use crate::text::excerpt;
use std::collections::{HashMap, HashSet};

/// The bytes of a title or a user prompt in a label. The list's column of names is about as wide.
const MAX_WORDS: usize = 32;

/// The components of a path that are compared. Hostile paths may have thousands.
const MAX_COMPONENTS: usize = 16;

/// The mark for path components that a label leaves out.
const OMITTED: &str = "…";

/// Returns the label of each session whose name alone does not identify it.
///
/// Sessions with the same name in different directories get parent directories in front of it. Where the directory is
/// the same too, the branch is appended if the branches differ, or else the title or the first words of the user prompt.
/// Sessions that agree in all of that get their key, except an open one that agrees only with closed ones.
pub fn labels<'a>(rows: impl IntoIterator<Item = &'a Session>) -> HashMap<RowKey, String> {
    let mut by_name: HashMap<&str, Vec<&Session>> = HashMap::new();
    for row in rows {
        by_name.entry(&row.name).or_default().push(row);
    }
    let mut labels = HashMap::new();
    for (name, rows) in by_name {
        if rows.len() > 1 {
            label_same_name(name, &rows, &mut labels);
        }
    }
    labels
}

/// Returns a short label for each directory: its name, with as many parent directories as tell it apart from the others.
pub fn directory_labels<'a>(paths: impl IntoIterator<Item = &'a str>) -> HashMap<&'a str, String> {
    let components = |path: &'a str| -> Vec<&'a str> {
        path.split('/').filter(|part| !part.is_empty()).collect()
    };
    let paths: HashMap<&str, Vec<&str>> =
        paths.into_iter().map(|path| (path, components(path))).collect();
    let labels = abbreviate(&paths.values().cloned().collect());
    let label = |parts| labels.get(parts).filter(|label| !label.is_empty()).cloned();
    paths.iter().map(|(path, parts)| (*path, label(parts).unwrap_or((*path).to_owned()))).collect()
}

/// Adds the labels of several sessions that have the same name.
fn label_same_name(name: &str, rows: &[&Session], labels: &mut HashMap<RowKey, String>) {
    let directories: HashSet<Vec<&str>> = rows.iter().filter_map(|row| directory(row)).collect();
    let with_parents = abbreviate(&directories);
    let mut by_directory: HashMap<&str, Vec<&Session>> = HashMap::new();
    for row in rows {
        let label = directory(row).and_then(|path| with_parents.get(&path));
        by_directory.entry(label.map_or(name, String::as_str)).or_default().push(row);
    }
    for (base, rows) in by_directory {
        let branches = count(rows.iter().map(|row| row.branch.as_deref()));
        let differ = branches.len() > 1;
        let described: Vec<(&Session, String)> = rows
            .iter()
            .map(|row| {
                let branch = row.branch.as_deref();
                let is_alone = differ && branches.get(&branch) == Some(&1);
                let label = match branch.filter(|_| is_alone) {
                    Some(branch) => format!("{base} @{branch}"),
                    None if rows.len() == 1 => base.to_owned(),
                    None => words(row).map_or(base.to_owned(), |words| format!("{base}: {words}")),
                };
                (*row, label)
            })
            .collect();
        let is_open = |row: &Session| row.status != Status::Closed;
        let all = count(described.iter().map(|(_, label)| label.as_str()));
        let open = described.iter().filter(|(row, _)| is_open(row));
        let open = count(open.map(|(_, label)| label.as_str()));
        for (row, label) in &described {
            // A closed session takes the key, so that an open one keeps its short label.
            let counts = if is_open(row) { &open } else { &all };
            let is_shared = counts.get(label.as_str()).is_some_and(|count| *count > 1);
            let label = if is_shared { format!("{label} ({})", row.key) } else { label.clone() };
            if label != name {
                labels.insert(row.key.clone(), label);
            }
        }
    }
}

/// Returns the components of the directory that gives the session its name, or `None` if that is not known.
fn directory(row: &Session) -> Option<Vec<&str>> {
    let components = row.cwd.as_deref()?.split('/').filter(|part| !part.is_empty());
    let mut components: Vec<&str> = components.collect();
    let last = components.iter().rposition(|part| *part == row.name)?;
    components.truncate(last + 1);
    Some(components)
}

/// Returns each directory with as many parents as tell it apart from the others. The parents between the first one
/// and the name are left out if the others do not depend on them.
fn abbreviate<'a>(directories: &HashSet<Vec<&'a str>>) -> HashMap<Vec<&'a str>, String> {
    let mut endings: HashMap<&Vec<&str>, &[&str]> = HashMap::new();
    for length in 1..=MAX_COMPONENTS {
        let ending = |path: &'_ Vec<&'a str>| path.len().saturating_sub(length);
        let counts = count(directories.iter().map(|path| &path[ending(path)..]));
        for path in directories {
            let parts = &path[ending(path)..];
            if counts.get(parts) == Some(&1) || length == MAX_COMPONENTS {
                endings.entry(path).or_insert(parts);
            }
        }
        if endings.len() == directories.len() {
            break;
        }
    }
    let short = |parts: &[&str]| match parts {
        [first, _, .., name] => format!("{first}/{OMITTED}/{name}"),
        parts => parts.join("/"),
    };
    let shared = count(endings.values().map(|parts| short(parts)));
    endings
        .into_iter()
        .map(|(path, parts)| {
            let shortened = short(parts);
            let is_unique = shared.get(&shortened) == Some(&1);
            (path.clone(), if is_unique { shortened } else { parts.join("/") })
        })
        .collect()
}

/// Returns the title, or else the first words of the user prompt.
fn words(row: &Session) -> Option<String> {
    let texts = [row.title.as_deref(), row.user_prompt.as_deref()];
    let mut texts = texts.into_iter().flatten().map(|text| excerpt(text, MAX_WORDS));
    texts.find(|text| !text.is_empty())
}

/// Counts how often each value occurs.
fn count<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut counts = HashMap::new();
    for value in values {
        *counts.entry(value).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the label of each session: its directory, branch, title and prompt, each empty if it is not known.
    fn label_all(rows: &[[&str; 4]]) -> Vec<String> {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let rows: Vec<Session> = rows
            .iter()
            .enumerate()
            .map(|(number, [cwd, branch, title, prompt])| Session {
                key: RowKey::new(&format!("key{number}")),
                name: cwd.rsplit('/').next().unwrap_or_default().to_owned(),
                cwd: known(cwd),
                branch: known(branch),
                title: known(title),
                user_prompt: known(prompt),
                ..Session::default()
            })
            .collect();
        let labels = labels(&rows);
        rows.iter().map(|row| labels.get(&row.key).unwrap_or(&row.name).clone()).collect()
    }

    #[test]
    fn session_with_a_name_of_its_own_keeps_it() {
        let rows = [["/d/shop", "main", "Fix it", "go"], ["/d/blog", "main", "", "go"]];
        assert_eq!(label_all(&rows), ["shop", "blog"]);
    }

    #[test]
    fn closed_twin_gets_the_key_and_the_open_session_does_not() {
        let row = |key: &str, status| Session {
            key: RowKey::new(key),
            name: "shop".to_owned(),
            cwd: Some("/d/shop".to_owned()),
            user_prompt: Some("go".to_owned()),
            status,
            ..Session::default()
        };
        let twins = |statuses: [Status; 2]| {
            let rows = [row("kaaaa", statuses[0]), row("kbbbb", statuses[1])];
            let labels = labels(&rows);
            rows.map(|row| labels[&row.key].clone())
        };
        assert_eq!(twins([Status::Working, Status::Closed]), ["shop: go", "shop: go (kbbbb)"]);
        assert_eq!(
            twins([Status::Closed, Status::Closed]),
            ["shop: go (kaaaa)", "shop: go (kbbbb)"]
        );
        assert_eq!(twins([Status::Idle, Status::Done]), ["shop: go (kaaaa)", "shop: go (kbbbb)"]);
    }

    #[test]
    fn branch_title_or_prompt_tells_one_projects_sessions_apart() {
        let rows = [
            ["/d/shop", "main", "", "fix the failing checkout test, please"],
            ["/d/shop", "main", "Release notes", "go"],
            ["/d/shop", "dev", "", "go"],
            ["/d/shop", "main", "", ""],
        ];
        assert_eq!(
            label_all(&rows),
            ["shop: fix the failing checkout test…", "shop: Release notes", "shop @dev", "shop"]
        );
    }

    #[test]
    fn session_without_a_difference_gets_its_key() {
        let rows = [["/d/shop", "main", "", "go"], ["/d/shop", "main", "", "go"], ["", "", "", ""]];
        assert_eq!(label_all(&rows), ["shop: go (key0)", "shop: go (key1)", ""]);
        let rows = [["/d/shop", "", "", ""], ["/d/shop", "", "", ""]];
        assert_eq!(label_all(&rows), ["shop (key0)", "shop (key1)"]);
    }

    #[test]
    fn parents_are_added_until_directories_differ() {
        for (directories, expected) in [
            (vec!["/u/work/shop", "/u/play/shop"], vec!["work/shop", "play/shop"]),
            (vec!["/a/x/y/shop", "/b/x/y/shop"], vec!["a/…/shop", "b/…/shop"]),
            (vec!["/a/x/shop", "/a/y/shop", "/b/x/shop"], vec!["a/…/shop", "y/shop", "b/…/shop"]),
            // One directory lies at the end of the other.
            (vec!["/shop", "/a/shop"], vec!["shop", "a/shop"]),
            // The middle makes the difference.
            (
                vec!["/a/x/p/shop", "/a/y/q/shop", "/b/x/p/shop", "/b/y/q/shop"],
                vec!["a/x/p/shop", "a/y/q/shop", "b/x/p/shop", "b/y/q/shop"],
            ),
        ] {
            let rows: Vec<[&str; 4]> =
                directories.iter().map(|cwd| [*cwd, "main", "", ""]).collect();
            assert_eq!(label_all(&rows), expected);
        }
    }

    #[test]
    fn directory_label_has_the_parents_that_differ() {
        let paths = ["/u/work/shop", "/u/play/shop", "/u/work/blog", "/"];
        let labels = directory_labels(paths);
        assert_eq!(
            paths.map(|path| labels[path].as_str()),
            ["work/shop", "play/shop", "blog", "/"]
        );
    }

    #[test]
    fn directory_inside_a_project_counts_as_the_project() {
        let row = |cwd: &str| Session {
            name: "shop".to_owned(),
            cwd: Some(cwd.to_owned()),
            key: RowKey::new(cwd),
            ..Session::default()
        };
        let rows = [row("/u/work/shop/src"), row("/u/play/shop/tests")];
        let labels = labels(&rows);
        let shown: Vec<&str> = rows.iter().map(|row| labels[&row.key].as_str()).collect();
        assert_eq!(shown, ["work/shop", "play/shop"]);
    }
}
