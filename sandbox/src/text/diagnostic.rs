//! A complaint about a file: what is wrong, where, and what was expected; printed with the lines it is about.

use super::yaml::Source;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;

/// How bad it is: an error stops, a warning does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A place in a source text with what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Octets of the source text.
    pub span: Range<usize>,
    pub label: String,
}

/// One complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    /// One line, lower case, naming the thing.
    pub title: String,
    /// The place it is about, with what was expected there.
    pub primary: Mark,
    /// Other places that matter, such as the first use of a name.
    pub others: Vec<Mark>,
    /// A last line of advice.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `span`; `expected` says what should stand there.
    pub fn error(title: impl Into<String>, span: Range<usize>, expected: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            title: title.into(),
            primary: Mark { span, label: expected.into() },
            others: Vec::new(),
            help: None,
        }
    }

    /// The same complaint as advice only.
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// With another place.
    pub fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.others.push(Mark { span, label: label.into() });
        self
    }

    /// With a last line of advice.
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// `FILE:LINE:COLUMN: error: TITLE: EXPECTED`, one line, for tools.
    pub fn one_line(&self, source: &Source) -> String {
        let (line, column) = source.line_column(self.primary.span.start);
        let level = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        format!("{}:{line}:{column}: {level}: {}: {}", source.name, self.title, self.primary.label)
    }

    /// The complaint with the lines of the source that it is about.
    pub fn render(&self, source: &Source, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let primary = AnnotationKind::Primary.span(self.primary.span.clone()).label(&self.primary.label);
        let mut snippet = Snippet::source(&source.text).path(&source.name).annotation(primary);
        for other in &self.others {
            snippet =
                snippet.annotation(AnnotationKind::Context.span(other.span.clone()).label(&other.label));
        }
        let mut group = level.primary_title(&self.title).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.decor_style(DecorStyle::Ascii).render(&[group])
    }
}

/// All complaints about one source; at least one of them is an error.
#[derive(Clone, Debug)]
pub struct Refused {
    pub source: Source,
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                f.write_str("\n\n")?;
            }
            f.write_str(&diagnostic.render(&self.source, false))?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_shows_file_line_column_and_what_was_expected() {
        let source = Source::new("lab.yaml", "guests:\n  vm1: {mac: 0g}\n");
        let d = Diagnostic::error("bad address", 22..24, "expected six pairs of hexadecimal digits")
            .also(10..13, "of this guest")
            .with_help("for example 02:00:00:00:00:01");
        assert_eq!(
            d.one_line(&source),
            "lab.yaml:2:15: error: bad address: expected six pairs of hexadecimal digits"
        );
        insta::assert_snapshot!(d.render(&source, false), @r"
        error: bad address
         --> lab.yaml:2:15
          |
        2 |   vm1: {mac: 0g}
          |   ---         ^^ expected six pairs of hexadecimal digits
          |   |
          |   of this guest
          |
          = help: for example 02:00:00:00:00:01
        ");
    }
}
