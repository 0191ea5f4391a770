//! Finds files of a crate that import each other in a circle, directly or through other files.
use super::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module of a crate by its path from the crate's root, such as `["sessions", "teams"]`.
type Module = Vec<String>;

/// One imported path, and whether the import is a re-export.
struct Import {
    path: Vec<String>,
    is_public: bool,
}

/// Collects the modules of a crate that are files, with their sources. Test modules are left out.
fn read_modules(folder: &Path, module: &Module, found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_root = matches!(stem.as_str(), "lib" | "main" | "mod");
        let mut child = module.clone();
        if !is_root {
            child.push(stem.clone());
        }
        if path.is_dir() && stem != "tests" {
            read_modules(&path, &child, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && stem != "tests" {
            let source = fs::read_to_string(&path).unwrap();
            let shipped = source.split("#[cfg(test)]\nmod tests {").next().unwrap();
            // A crate with `lib.rs` and `main.rs` has one root here.
            found.entry(child).or_default().push_str(shipped);
        }
    }
}

/// Returns the imports of a source. Only `use` at the beginning of a line counts: in a function it is local.
fn imports(source: &str) -> Vec<Import> {
    let mut found = Vec::new();
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let is_public = line.starts_with("pub");
        let begin = if is_public { line.find("use ").map(|at| at + 4) } else { None };
        let begin = begin.or_else(|| line.starts_with("use ").then_some(4));
        let begin = begin.filter(|_| !line.contains("fn "));
        let Some(begin) = begin else { continue };
        let mut statement = line[begin..].to_owned();
        while !statement.contains(';') {
            let Some(next) = lines.next() else { break };
            statement.push_str(next.trim());
        }
        let statement = statement.split(';').next().unwrap();
        for path in expand(statement) {
            found.push(Import { path, is_public });
        }
    }
    found
}

/// Expands `a::{b, c::{d, e}}` to its single paths.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.split(" as ").next().unwrap_or(tree).trim();
    let Some(open) = tree.find('{') else {
        return vec![tree.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let stem: Vec<String> = tree[..open]
        .split("::")
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    let close = tree.rfind('}').unwrap_or(tree.len());
    let mut paths = Vec::new();
    let mut depth = 0_usize;
    for branch in tree[open + 1..close].split(|letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    }) {
        for branch in expand(branch) {
            paths.push(stem.iter().cloned().chain(branch).collect());
        }
    }
    paths
}

/// Returns the path from the crate's root, or nothing if the path leads out of the crate.
fn absolute(
    path: &[String],
    module: &Module,
    modules: &BTreeMap<Module, String>,
) -> Option<Module> {
    let mut base = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" | "self" => module.clone(),
        first => {
            let mut child = module.clone();
            child.push(first.to_owned());
            if !modules.contains_key(&child) {
                return None;
            }
            module.clone()
        }
    };
    for part in path {
        match part.as_str() {
            "crate" | "self" => {}
            "super" => drop(base.pop()),
            _ => base.push(part.clone()),
        }
    }
    Some(base)
}

/// Returns the module that a path leads to: the longest beginning that is a file, through re-exports.
fn target(
    path: &Module,
    modules: &BTreeMap<Module, String>,
    exports: &BTreeMap<Module, Module>,
) -> Module {
    let mut path = path.clone();
    // A re-export may lead to another one. A circle of re-exports does not compile.
    for _ in 0..8 {
        let Some(next) = exports.get(&path) else { break };
        path = next.clone();
    }
    while !modules.contains_key(&path) {
        path.pop();
    }
    path
}

/// Returns the modules that each module imports. An import of an ancestor does not count, and neither does a
/// re-export of a descendant, because a folder publishes its files in this way.
fn edges(modules: &BTreeMap<Module, String>) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut exports = BTreeMap::new();
    let mut imported = Vec::new();
    for (module, source) in modules {
        for import in imports(source) {
            let Some(path) = absolute(&import.path, module, modules) else { continue };
            if import.is_public
                && let Some(name) = path.last()
            {
                let mut alias = module.clone();
                alias.push(name.clone());
                if alias != path {
                    exports.insert(alias, path.clone());
                }
            }
            imported.push((module, path, import.is_public));
        }
    }
    let mut edges: BTreeMap<Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, path, is_public) in imported {
        let imported = target(&path, modules, &exports);
        let is_own_file = is_public && imported.starts_with(module);
        if !module.starts_with(&imported) && !is_own_file {
            edges.entry(module.clone()).or_default().insert(imported);
        }
    }
    edges
}

/// Returns the shortest path of imports from a module back to itself.
fn circle(start: &Module, edges: &BTreeMap<Module, BTreeSet<Module>>) -> Option<Vec<Module>> {
    let mut paths = vec![vec![start.clone()]];
    let mut visited = BTreeSet::new();
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            for next in edges.get(path.last()?).into_iter().flatten() {
                let path: Vec<Module> = path.iter().cloned().chain([next.clone()]).collect();
                if next == start {
                    return Some(path);
                }
                if visited.insert(next.clone()) {
                    longer.push(path);
                }
            }
        }
        paths = longer;
    }
    None
}

fn name(module: &Module) -> String {
    module.join("::")
}

#[test]
fn files_import_each_other_in_one_direction() {
    let mut faults = Vec::new();
    let mut crates = 0;
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name_of_crate = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut modules = BTreeMap::new();
        read_modules(&folder.join("src"), &Vec::new(), &mut modules);
        let edges = edges(&modules);
        crates += usize::from(modules.len() > 1 && !edges.is_empty());
        for module in modules.keys() {
            let Some(path) = circle(module, &edges) else { continue };
            let path: Vec<String> = path.iter().map(name).collect();
            faults.push(format!("{name_of_crate}: {}", path.join(" -> ")));
        }
    }
    assert!(crates > 5, "only {crates} crates have imports between files");
    assert!(faults.is_empty(), "circles of imports:\n{}", faults.join("\n"));
}

#[test]
fn circle_is_found_through_a_reexport() {
    let module = |name: &str| vec![name.to_owned()];
    let inner = vec!["b".to_owned(), "c".to_owned()];
    let mut modules = BTreeMap::from([
        (Vec::new(), "pub use b::{c::C};".to_owned()),
        (module("a"), "use crate::{\n    C,\n    d::D,\n};".to_owned()),
        (module("b"), "pub use c::C;".to_owned()),
        (inner.clone(), "use super::super::a::A;\nuse super::B;".to_owned()),
        (module("d"), "use std::fs;".to_owned()),
    ]);
    let path = circle(&module("a"), &edges(&modules)).unwrap();
    assert_eq!(path, [module("a"), inner.clone(), module("a")]);
    assert_eq!(circle(&module("d"), &edges(&modules)), None);
    // An import of the parent and a re-export by the parent are no circle.
    modules.insert(inner, "use super::B;".to_owned());
    assert_eq!(circle(&module("a"), &edges(&modules)), None);
    assert_eq!(circle(&module("b"), &edges(&modules)), None);
}
