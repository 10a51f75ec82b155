//! Every seed of the fuzz targets, as it is and cut short, goes through what its target runs: the targets cannot rot, and
//! what fuzzing once found stays found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tests::fuzz::{TARGETS, Target};

fn folder() -> PathBuf {
    tests::root().join("tests/fuzz")
}

/// The entries of a folder, in the order of their names.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    paths
}

/// The names of the entries of a folder, without extensions.
fn names(folder: &Path) -> BTreeSet<String> {
    let stem = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    entries(folder).iter().map(stem).collect()
}

#[test]
fn every_seed_keeps_the_promises() {
    for Target { name, run } in TARGETS {
        for seed in entries(&folder().join("seeds").join(name)) {
            let octets = fs::read(&seed).expect("a seed can be read");
            // Its name is shown where a promise is broken.
            println!("{}", seed.display());
            for eighth in 0..=8 {
                run(&octets[..octets.len() * eighth / 8]);
            }
        }
    }
}

#[test]
fn every_target_has_a_binary_and_seeds() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(&folder().join("fuzz_targets")), targets);
    assert_eq!(names(&folder().join("seeds")), targets);
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).expect("the manifest is there");
    for name in targets {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name} has a [[bin]]");
    }
}

/// The usual build does not make the fuzz crate, which takes the modules that it needs from this one.
#[test]
fn the_fuzz_crate_has_every_module_that_targets_use() {
    let read =
        |file: &Path| fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let library = read(&folder().join("src/lib.rs"));
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    for file in entries(&tests::root().join("tests/src/fuzz")) {
        for used in read(&file).split("crate::").skip(1) {
            let module = used.split(|letter| !is_word(letter)).next().unwrap_or_default();
            assert!(library.contains(&format!("mod {module};")), "{} uses {module}", file.display());
        }
    }
}
