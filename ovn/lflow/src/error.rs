//! What can be wrong with an expression or a list of actions, and where.
//!
//! The wording is upstream's wherever ctl users and logs show it, because people search for it.

use std::fmt;
use std::ops::Range;

/// An error in a text of the logical language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The octets of the text that are to blame. Empty, and at the end of the text, if that came too soon.
    pub span: Range<usize>,
    pub kind: ErrorKind,
}

impl Error {
    pub fn new(span: Range<usize>, kind: ErrorKind) -> Self {
        Self { span, kind }
    }

    /// The line of `source` (the text that was parsed) with a caret under the place, then the message.
    ///
    /// A text longer than a screen line is cut to a window around the place.
    pub fn render(&self, source: &str) -> String {
        /// Characters shown on each side of the place.
        const WINDOW: usize = 60;
        let start = floor_boundary(source, self.span.start);
        let end = floor_boundary(source, self.span.end).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |i| i + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |i| start + i);
        let before: Vec<char> = source[line_start..start].chars().collect();
        let blamed: Vec<char> = source[start..end.min(line_end)].chars().collect();
        let after: Vec<char> = source[end.min(line_end)..line_end].chars().collect();

        let cut = before.len().saturating_sub(WINDOW);
        let mut text: String = if cut > 0 { "...".to_owned() } else { String::new() };
        text.extend(&before[cut..]);
        let indent = text.chars().count();
        let shown = blamed.len().min(WINDOW);
        text.extend(&blamed[..shown]);
        if shown < blamed.len() {
            text.push_str("...");
        } else {
            text.extend(after.iter().take(WINDOW));
            if after.len() > WINDOW {
                text.push_str("...");
            }
        }
        format!("{text}\n{:indent$}{}\n{}", "", "^".repeat(shown.max(1)), self.kind)
    }
}

/// The nearest place at or before `at` where `text` can be cut.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {}

/// Where the parser was when it found something else than it could use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    End,
    /// The token, as it is written in the text.
    Token(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("at end of input"),
            Self::Token(token) => write!(f, "at `{token}'"),
        }
    }
}

/// The two kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    Integer,
    String,
}

impl ValueKind {
    fn capital(self) -> &'static str {
        match self {
            Self::Integer => "Integer",
            Self::String => "String",
        }
    }

    pub(crate) fn lower(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::String => "string",
        }
    }
}

/// What is wrong. `Display` gives the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// A token that is no token; the text says why.
    #[error("{0}")]
    Token(String),
    #[error("Syntax error {found} expecting {expected}.")]
    Expecting { found: Found, expected: String },
    #[error("Syntax error {found}.")]
    Unexpected { found: Found },
    /// Something other than an expected keyword or number, said in the words of the construct.
    #[error("Syntax error {found} {what}.")]
    Syntax { found: Found, what: String },

    #[error("&& and || must be parenthesized when used together.")]
    MixedAndOr,
    #[error("Parentheses nested too deeply.")]
    TooDeep,
    #[error("Missing parentheses around operand of !.")]
    NotNeedsParentheses,
    #[error("Explicit `!= 0' is required for inequality test of multibit field against 0.")]
    ExplicitTestRequired,
    #[error(
        "Range expressions must have the form `x < field < y' or `x > field > y', with each `<' optionally \
         replaced by `<=' or `>' by `>=')."
    )]
    RangeForm,
    #[error("Only == and != operators may be used with value sets.")]
    RelationWithSet,
    #[error("Only == and != operators may be used to compare a field against an empty value set.")]
    RelationWithEmptySet,
    #[error("Only == and != operators may be used with {level} field {field}.")]
    RelationWithLevel { level: &'static str, field: String },
    #[error(
        "Only == and != operators may be used with masked constants.  Consider using subfields instead (e.g. \
         eth.src[0..15] > 0x1111 in place of eth.src > 00:00:00:00:11:11/00:00:00:00:ff:ff)."
    )]
    RelationWithMask,
    #[error(
        "Nominal predicate {field} may only be tested positively, e.g. `{field}' or `{field} == 1' but not \
         `!{field}' or `{field} == 0'."
    )]
    NominalPredicateNegated { field: String },
    #[error(
        "Nominal field {field} may only be tested for equality (taking enclosing `!' operators into account)."
    )]
    NominalFieldNegated { field: String },
    #[error("{} field {field} is not compatible with {} constant.", .kind.capital(), .constant.lower())]
    KindMismatch { kind: ValueKind, field: String, constant: ValueKind },
    #[error("{constant_bits}-bit constant is not compatible with {field_bits}-bit field {field}.")]
    ConstantTooWide { constant_bits: u16, field_bits: u16, field: String },
    #[error("Invalid bit range {low} to {high}.")]
    BitRange { low: u32, high: u32 },
    #[error("Cannot select bits {low} to {high} of {bits}-bit field {field}.")]
    BitsOutside { low: u32, high: u32, bits: u16, field: String },
    #[error("Cannot select subfield of string field {field}.")]
    SubfieldOfString { field: String },
    #[error("Cannot select subfield of nominal field {field}.")]
    SubfieldOfNominal { field: String },
    #[error("parsing function name")]
    UnknownFunction,
    /// The text is right, but means more tests than this implementation is willing to make of it.
    #[error("Expression expands to more than {limit} comparisons.")]
    TooLarge { limit: usize },

    #[error("Predicate symbol {field} used where lvalue required.")]
    PredicateAsLvalue { field: String },
    #[error("Field {field} is not modifiable.")]
    NotModifiable { field: String },
    #[error("Can't {verb} {} field ({from}) {with} {} field ({to}).", .from_kind.lower(), .to_kind.lower())]
    AssignKinds {
        /// `assign` or `exchange`.
        verb: &'static str,
        from_kind: ValueKind,
        from: String,
        /// `to` or `with`.
        with: &'static str,
        to_kind: ValueKind,
        to: String,
    },
    #[error("Can't assign {from_bits}-bit value to {to_bits}-bit destination.")]
    AssignWidths { from_bits: u16, to_bits: u16 },
    #[error("Can't exchange {from_bits}-bit field with {to_bits}-bit field.")]
    ExchangeWidths { from_bits: u16, to_bits: u16 },
    #[error("Cannot use {bits}-bit field {field}[{low}..{high}] where {wanted}-bit field is required.")]
    WidthRequired { bits: u16, field: String, low: u16, high: u16, wanted: u16 },
    #[error("Cannot use string field {field} where numeric field is required.")]
    NumericRequired { field: String },
    #[error("Cannot use numeric field {field} where string field is required.")]
    StringRequired { field: String },
    #[error("{action} doesn't take any parameters")]
    NoParameters { action: &'static str },
    #[error("Field {field} can only be assigned a constant.")]
    ConstantRequired { field: String },
    #[error("Fields of a connection cannot be exchanged.")]
    ExchangeInCommit,
    #[error("\"{action}\" action accepts only \"dnat\" or \"snat\" parameter.")]
    ZoneExpected { action: &'static str },
    #[error(
        "cannot use {bits}-bit field {field}[{low}..{high}] for \"select\", which requires at least 16 bits."
    )]
    SelectTooNarrow { bits: u16, field: String, low: u16, high: u16 },
    #[error("chk_evpn_arp requires a 32-bit or 128-bit IP field")]
    AddressRequired,
    #[error("Packet size {octets} for check_pkt_larger is not in valid range 0 to 65535.")]
    PacketSize { octets: u32 },
    #[error("Rate {rate} for set_meter is not in valid.")]
    MeterRate { rate: u64 },
    #[error("probability must be greater than zero")]
    SampleProbability,
    #[error("{kind} option {option} requires {requires} value.")]
    OptionKind { kind: &'static str, option: &'static str, requires: &'static str },
    #[error("Invalid value for \"{option}\" option")]
    OptionValue { option: &'static str },
    #[error("put_dhcp_opts requires offerip to be specified.")]
    OfferIpRequired,
    #[error("slla option not present")]
    SllaRequired,
    #[error("prefix option needs to be set when address mode is slaac/dhcpv6_stateless.")]
    PrefixRequired,
    #[error("Invalid load balancer VIP '{value}'")]
    LbVip { value: String },
    #[error("Load balancer protocol '{value}' is not 'tcp', 'udp', or 'sctp'")]
    LbProtocol { value: String },
    #[error("Load balancer '{value}' is not a UUID")]
    LbUuid { value: String },
    #[error("\"{action}\" action not allowed in last table.")]
    NotInLastTable { action: &'static str },
    #[error("\"next\" action cannot advance beyond table {last}.")]
    NextBeyond { last: u8 },
    #[error("Queue ID {id} for set_queue is not in valid range 0 to {max}.")]
    QueueOutOfRange { id: u32, max: u32 },
    #[error("maximum depth of nested actions reached")]
    ActionsTooDeep,

    #[error("Constraints are contradictory.")]
    Contradictory,
    #[error("Constraints are ambiguous: {0}.")]
    Ambiguous(String),
    #[error("flow match expression does not match on inport")]
    NoInport,
    #[error("flow match expression matches on multiple inports")]
    ManyInports,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(span: Range<usize>) -> Error {
        Error::new(span, ErrorKind::MixedAndOr)
    }

    #[test]
    fn the_caret_stands_under_the_place() {
        let text = "ip4 && tcp || udp";
        assert_eq!(
            error(11..13).render(text),
            "ip4 && tcp || udp\n           ^^\n&& and || must be parenthesized when used together."
        );
        assert!(error(17..17).render(text).contains("\n                 ^\n"));
    }

    #[test]
    fn a_long_text_is_cut_to_a_window() {
        let text = format!("{}HERE{}", "a ".repeat(500), " b".repeat(500));
        let shown = error(1000..1004).render(&text);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].len() < 140);
        assert_eq!(lines[0].find("HERE"), lines[1].find("^^^^"));
    }

    #[test]
    fn a_place_inside_a_character_or_after_the_end_is_no_reason_to_panic() {
        assert!(error(1..2).render("é").starts_with("é\n^"));
        assert!(error(50..60).render("x").contains('^'));
        assert!(error(3..4).render("a\nbc").starts_with("bc\n ^"));
    }
}
