//! Console blocks of the book: commands behind `$ ` and the output that follows, with holes for what differs each time.
//!
//! `[..]` stands for any text within a line, a line `...` for any number of lines. A command may go on in the next line
//! behind `> `, when it ends with a backslash, or has a document (`<<END`) that goes on to the line `END`.

use std::fmt;
use std::process::Command;

/// One command of a block and what it is said to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Line of the page it begins at, from 1.
    pub line: usize,
    /// The command, for a shell.
    pub command: String,
    /// Expected output, lines without their ends.
    pub expected: Vec<String>,
}

/// A command that printed something else.
#[derive(Debug)]
pub struct Drift {
    step: Step,
    got: String,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step: Step { line, command, expected }, got } = self;
        write!(f, "line {line}: $ {command}\n--- expected\n{}\n--- got\n{got}", expected.join("\n"))
    }
}

/// The steps of every ```` ```console ```` block of a page, in order.
pub fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = !inside && line.trim() == "```console";
        } else if inside {
            if let Some(command) = line.strip_prefix("$ ") {
                steps.push(Step { line: number + 1, command: command.to_owned(), expected: Vec::new() });
            } else if let Some(step) = steps.last_mut() {
                match line.strip_prefix("> ") {
                    Some(more) if step.expected.is_empty() && goes_on(&step.command) => {
                        step.command.push('\n');
                        step.command.push_str(more);
                    }
                    Some(_) | None => step.expected.push(line.trim_end().to_owned()),
                }
            }
        }
    }
    steps
}

/// Whether a command goes on in the next line.
fn goes_on(command: &str) -> bool {
    let in_document = || command.contains("<<END\n") || command.ends_with("<<END");
    command.ends_with('\\') || (in_document() && !command.ends_with("\nEND"))
}

/// Runs one step with `shell`, which is given the command as its last argument, and compares output and error together.
///
/// # Errors
/// When what it prints does not fit.
pub fn check(step: &Step, mut shell: Command) -> Result<(), Drift> {
    let output = shell
        .arg(format!("exec 2>&1\n{}", step.command))
        .output()
        .unwrap_or_else(|error| panic!("the shell starts: {error}"));
    let got = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<&str> = got.lines().map(str::trim_end).collect();
    let expected: Vec<&str> = step.expected.iter().map(String::as_str).collect();
    if fits(&expected, &lines) { Ok(()) } else { Err(Drift { step: step.clone(), got }) }
}

/// Whether the lines fit the pattern.
fn fits(pattern: &[&str], lines: &[&str]) -> bool {
    match pattern.split_first() {
        None => lines.iter().all(|line| line.is_empty()),
        Some((&"...", rest)) => (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, lines)| line_fits(first, line) && fits(rest, lines))
        }
    }
}

fn line_fits(pattern: &str, line: &str) -> bool {
    let mut pieces = pattern.split("[..]");
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_in_lines_and_between_them() {
        assert!(line_fits("a [..] c", "a b b c"));
        assert!(line_fits("[..]", ""));
        assert!(line_fits("a[..]b[..]c", "a-b-c"));
        assert!(!line_fits("a[..]b", "a-c"));
        assert!(!line_fits("a", "ab"));
        assert!(!line_fits("ab[..]bc", "abc"));
        assert!(fits(&["a", "...", "b"], &["a", "x", "y", "b"]));
        assert!(fits(&["...", "b"], &["b"]));
        assert!(!fits(&["a"], &["a", "b"]));
        assert!(!fits(&["a", "b"], &["a"]));
    }

    #[test]
    fn a_page_gives_its_console_blocks_only() {
        let page = "x\n```console\n$ echo a \\\n> b\na b\n$ true\n```\n```yaml\n$ not this\n```\n";
        let steps = steps(page);
        assert_eq!(steps.len(), 2);
        assert_eq!(
            steps[0],
            Step { line: 3, command: "echo a \\\nb".to_owned(), expected: vec!["a b".to_owned()] }
        );
        let mut shell = Command::new("sh");
        shell.arg("-c");
        check(&steps[0], shell).unwrap();
    }

    #[test]
    fn a_document_goes_on_to_its_end() {
        let page = "```console\n$ cat <<END\n> $ a\n> b\n> END\n$ a\nb\n> c\n```\n";
        let steps = steps(page);
        assert_eq!(steps[0].command, "cat <<END\n$ a\nb\nEND");
        assert_eq!(steps[1].expected, ["b", "> c"]);
    }
}
