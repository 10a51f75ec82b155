//! The rules of the house, held by a test: who may touch the world, how long files and functions get, that every file
//! belongs to a module tree, and that what the book names exists.
//!
//! The exception lists below only ever shrink: an entry that is no longer needed fails the test too.

#![allow(clippy::unwrap_used)] // A broken rule of the house stops the test where it is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file outside tests, in lines.
const FILE_LINES_MAX: usize = 800;
/// Longest function outside tests, in lines.
const FUNCTION_LINES_MAX: usize = 70;

/// Crates that may name sockets, files, the clock and tokio.
const OUTER: &[&str] = &["ovn/daemon", "ovn/cli", "sandbox", "tests"];

/// What a core must not name. Matched against code, not comments.
const WORLD: &[&str] = &[
    "tokio",
    "std::net::Tcp",
    "std::net::Udp",
    "std::os::unix::net",
    "std::fs",
    "Instant::now",
    "SystemTime",
    "thread::sleep",
    "std::env",
    "std::process",
];

/// Functions that are longer than the rule and why that is better than cutting them.
const LONG_FUNCTIONS: &[(&str, &str)] = &[];

/// Files that are longer than the rule.
const LONG_FILES: &[&str] = &[];

/// Where generated code lives; it answers to its generator.
const GENERATED: &str = "ovn/schema/src/generated/";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Rust files of the workspace, as (path from the root, text).
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    for top in ["ovn", "sandbox", "tests"] {
        walk(&root.join(top), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        });
    }
    found.sort();
    assert!(found.len() > 30, "the walk found the sources");
    found
}

fn walk(dir: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("target") {
                walk(&path, visit);
            }
        } else {
            visit(&path);
        }
    }
}

/// The part of a file before its tests.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text)
}

fn is_test_file(name: &str) -> bool {
    name.starts_with("tests/")
        || name.contains("/tests/")
        || name.contains("/benches/")
        || name.ends_with("/tests.rs")
        || name.ends_with("_tests.rs")
        || is_test_module(name)
}

/// Whether the root of the crate, or of the folder, declares the file for tests only.
fn is_test_module(name: &str) -> bool {
    let path = root().join(name);
    let (Some(module), Some(dir)) = (path.file_stem().and_then(|stem| stem.to_str()), path.parent()) else {
        return false;
    };
    let declaration = format!("#[cfg(test)]\nmod {module};");
    ["lib.rs", "main.rs", "mod.rs"]
        .iter()
        .filter_map(|root| fs::read_to_string(dir.join(root)).ok())
        .any(|text| text.contains(&declaration))
}

#[test]
fn modules_for_tests_only_are_tests() {
    assert!(is_test_file("ovn/datapath/src/testing.rs"));
    assert!(!is_test_file("ovn/datapath/src/field.rs"));
}

#[test]
fn cores_do_not_touch_the_world() {
    let mut broken = Vec::new();
    for (name, text) in sources() {
        if OUTER.iter().any(|outer| name.starts_with(outer)) || is_test_file(&name) {
            continue;
        }
        for (number, line) in code(&text).lines().enumerate() {
            let line = line.split("//").next().unwrap_or("");
            if let Some(word) = WORLD.iter().find(|word| line.contains(**word)) {
                broken.push(format!("{name}:{}: a core names {word}", number + 1));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn unsafe_is_in_one_sys_file_a_crate() {
    let broken: Vec<String> = sources()
        .into_iter()
        .filter(|(name, _)| !name.ends_with("/sys.rs") && name != "tests/tests/tidy.rs")
        .filter(|(_, text)| {
            text.lines().any(|line| line.split("//").next().unwrap_or("").contains("unsafe {"))
        })
        .map(|(name, _)| name)
        .collect();
    assert!(broken.is_empty(), "unsafe outside sys.rs: {broken:?}");
}

#[test]
fn files_are_short() {
    let long: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(name, text)| {
            !is_test_file(name) && !name.starts_with(GENERATED) && code(text).lines().count() > FILE_LINES_MAX
        })
        .map(|(name, _)| name)
        .collect();
    let allowed: BTreeSet<String> = LONG_FILES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(long, allowed, "left: files over {FILE_LINES_MAX} lines, right: the exceptions");
}

#[test]
fn functions_are_short() {
    let mut long = BTreeMap::new();
    for (name, text) in sources() {
        if is_test_file(&name) || name.starts_with(GENERATED) {
            continue;
        }
        for (function, lines) in functions(code(&text)) {
            if lines > FUNCTION_LINES_MAX {
                long.insert((name.clone(), function), lines);
            }
        }
    }
    let found: BTreeSet<(String, String)> = long.keys().cloned().collect();
    let allowed: BTreeSet<(String, String)> =
        LONG_FUNCTIONS.iter().map(|(file, function)| ((*file).to_owned(), (*function).to_owned())).collect();
    assert_eq!(
        found, allowed,
        "left: functions over {FUNCTION_LINES_MAX} lines {long:?}, right: the exceptions"
    );
}

/// Functions and their lengths, by the indentation that rustfmt gives them.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(String, usize, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        match &open {
            Some((name, start, at)) if indent == *at && line.trim_start().starts_with('}') => {
                found.push((name.clone(), number - start + 1));
                open = None;
            }
            Some(_) => {}
            None => {
                if let Some(name) = function_name(line)
                    && !line.trim_end().ends_with(['}', ';'])
                {
                    open = Some((name, number, indent));
                }
            }
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.trim_start();
    for prefix in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "] {
        words = words.strip_prefix(prefix).unwrap_or(words);
    }
    let rest = words.strip_prefix("fn ")?;
    Some(rest.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect())
}

#[test]
fn every_file_is_in_a_module_tree() {
    let sources: BTreeMap<String, String> = sources().into_iter().collect();
    let mut lost = Vec::new();
    for name in sources.keys() {
        let (dir, file) = name.rsplit_once('/').unwrap();
        if !name.contains("/src/") || matches!(file, "lib.rs" | "main.rs") || name.contains("/src/bin/") {
            continue;
        }
        let (module, parents) = if file == "mod.rs" {
            let (above, module) = dir.rsplit_once('/').unwrap();
            (module.to_owned(), parents_of(above))
        } else {
            (file.trim_end_matches(".rs").to_owned(), parents_of(dir))
        };
        let declared = parents.iter().filter_map(|parent| sources.get(parent)).any(|text| {
            text.contains(&format!("mod {module};"))
                || text.contains(&format!("\"{module}.rs\""))
                || text.contains(&format!("/{module}.rs\""))
        });
        if !declared {
            lost.push(name.clone());
        }
    }
    assert!(lost.is_empty(), "in no module tree: {lost:?}");
}

/// Files that may declare a module of `dir`.
fn parents_of(dir: &str) -> Vec<String> {
    let mut parents = vec![format!("{dir}/mod.rs"), format!("{dir}/lib.rs"), format!("{dir}/main.rs")];
    parents.push(format!("{dir}.rs"));
    // `mod folder { pub mod file; }` in the crate's root.
    if let Some((above, _)) = dir.rsplit_once('/') {
        parents.push(format!("{above}/lib.rs"));
    }
    parents
}

#[test]
fn what_the_book_and_the_readme_name_exists() {
    let root = root();
    let mut pages = vec![root.join("README.md")];
    walk(&root.join("book/src"), &mut |path| {
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path.to_owned());
        }
    });
    let mut lost = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for word in text.split('`').skip(1).step_by(2) {
            let names_a_file = ["ovn/", "sandbox/src", "topologies/", "scenarios/", "tests/", "book/"]
                .iter()
                .any(|start| word.starts_with(start))
                && !word.contains([' ', '*', '<', '{', '\n']);
            if names_a_file && !root.join(word.trim_end_matches('/')).exists() {
                lost.push(format!("{}: {word}", page.display()));
            }
        }
    }
    assert!(lost.is_empty(), "named but not there: {}", lost.join(", "));
}

#[test]
fn crates_depend_only_on_those_above_them() {
    let order = [
        "packet",
        "incr",
        "ovsdb",
        "openflow",
        "schema",
        "lflow",
        "northd",
        "controller",
        "datapath",
        "trace",
        "ctl",
        "daemon",
    ];
    for (place, name) in order.iter().enumerate() {
        let manifest = fs::read_to_string(root().join("ovn").join(name).join("Cargo.toml")).unwrap();
        let dependencies =
            manifest.split("[dependencies]").nth(1).unwrap().split("[dev-dependencies]").next().unwrap();
        for below in &order[place..] {
            assert!(
                !dependencies.contains(&format!("\n{below}.workspace")),
                "{name} must not depend on {below}"
            );
        }
    }
}
