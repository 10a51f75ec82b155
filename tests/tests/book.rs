//! Every console block of the book does what is printed there.
#![allow(clippy::unwrap_used)] // A test stops where it fails.
#![allow(clippy::disallowed_methods)] // The shell of a page needs the path of this one.

use std::fs;
use std::process::Command;

use tests::console::{check, steps};
use tests::lab::Labs;
use tests::{need_root, root};

#[test]
fn console_blocks_print_what_the_book_says() {
    if !need_root() {
        return;
    }
    let mut blocks = 0;
    for entry in fs::read_dir(root().join("book/src")).unwrap().flatten() {
        let steps = steps(&fs::read_to_string(entry.path()).unwrap());
        if steps.is_empty() {
            continue;
        }
        // A page begins without labs.
        let labs = Labs::default();
        let path = format!("{}:{}", labs.path("").display(), std::env::var("PATH").unwrap_or_default());
        for step in &steps {
            let mut shell = Command::new("bash");
            shell
                .arg("-c")
                .current_dir(labs.path(""))
                .env("PATH", &path)
                .env("OVN_SANDBOX_DIR", labs.path("labs"));
            if let Err(drift) = check(step, shell) {
                panic!("{}: {drift}", entry.path().display());
            }
        }
        blocks += steps.len();
        labs.wait_until_gone();
    }
    assert!(blocks > 10, "the book has console blocks");
}
