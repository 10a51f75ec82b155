//! The names of the logical language and what each of them stands for.
//!
//! There are four kinds of symbols. A *field* is a field of the packet or of its metadata, an integer or
//! a string. A *subfield* is a name for some bits of a field. A *predicate* is a name for an expression.
//! An *OVN field* can only be assigned to, because no field of OpenFlow carries it.
//!
//! A symbol can have *prerequisites*, an expression that a comparison with the symbol implies: `tcp.src == 80`
//! is never true of a packet that is not TCP. They are added by [`crate::expr::annotate`].

mod table;

use crate::expr::{self, Expr, Says};
use openflow::{Access, Field, Format, Maskable};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{LazyLock, OnceLock};

/// What tests make sense on a symbol (a term from statistics: level of measurement).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only equality: the value is a name, and its bits cannot be matched one by one.
    Nominal,
    /// Two values, so that inequality is as easy as equality.
    Boolean,
    /// Any relation, and any bits alone.
    Ordinal,
}

impl Level {
    /// The word that error messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nominal => "nominal",
            Self::Boolean => "Boolean",
            Self::Ordinal => "ordinal",
        }
    }
}

/// Fields that only actions know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OvnField {
    /// The MTU in an ICMPv4 "fragmentation needed", 16 bits.
    Icmp4FragMtu,
    /// The MTU in an ICMPv6 "packet too big", 32 bits.
    Icmp6FragMtu,
    /// The source address of the IPv4 packet that an ICMPv4 error quotes, 32 bits.
    Icmp4InnerIp4Src,
}

impl OvnField {
    /// How the language names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Icmp4FragMtu => "icmp4.frag_mtu",
            Self::Icmp6FragMtu => "icmp6.frag_mtu",
            Self::Icmp4InnerIp4Src => "icmp4.inner_ip4.src",
        }
    }

    fn bits(self) -> u16 {
        match self {
            Self::Icmp4FragMtu => 16,
            Self::Icmp6FragMtu | Self::Icmp4InnerIp4Src => 32,
        }
    }
}

/// What a symbol stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Bits of a field: nearly always all of them.
    Integer {
        field: Field,
        low: u16,
        bits: u16,
    },
    /// A port or multicast group name, which a field holds as its key.
    String(Field),
    /// Bits of another symbol, which is an `Integer` or again a `Subfield`.
    Subfield {
        parent: &'static str,
        low: u16,
        bits: u16,
    },
    /// The text of an expression.
    Predicate(&'static str),
    Ovn(OvnField),
}

/// A name of the language.
pub struct Symbol {
    pub name: &'static str,
    pub body: Body,
    /// Whether disjunctions on this symbol must be multiplied out rather than become a dimension of a
    /// conjunctive match. That is so for what other fields have as a prerequisite.
    pub must_crossproduct: bool,
    prereqs: Option<&'static str>,
    /// The expansion of a predicate, or else the prerequisites, in terms of fields only.
    expanded: OnceLock<Expr>,
    memo: Memo,
}

/// What is found out once about a symbol.
#[derive(Default)]
struct Memo {
    level: OnceLock<Level>,
    resolved: OnceLock<Option<(&'static Symbol, u16)>>,
    /// What a predicate that is true, or false, says of fields.
    annotated: [OnceLock<Expr>; 2],
    /// The same as tests, where that can be.
    says: [OnceLock<Option<Says>>; 2],
    /// What a comparison with the symbol implies, as tests.
    implied: OnceLock<Option<Says>>,
}

/// Symbols are the same if their names are, since a table has each name once.
impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.name == other.name
    }
}

impl Eq for Symbol {}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name.cmp(other.name)
    }
}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Symbol {
    /// Width in bits; a predicate has one. Strings have none.
    pub fn bits(&self) -> u16 {
        match &self.body {
            Body::Integer { bits, .. } | Body::Subfield { bits, .. } => *bits,
            Body::String(_) => 0,
            Body::Predicate(_) => 1,
            Body::Ovn(field) => field.bits(),
        }
    }

    /// Whether it has a string value.
    pub fn is_string(&self) -> bool {
        matches!(self.body, Body::String(_))
    }

    pub fn is_predicate(&self) -> bool {
        matches!(self.body, Body::Predicate(_))
    }

    /// What tests make sense on it.
    pub fn level(&self) -> Level {
        match &self.body {
            Body::Integer { field, .. } => match field.maskable() {
                Maskable::No => Level::Nominal,
                Maskable::Bits => Level::Ordinal,
            },
            Body::Subfield { .. } | Body::Ovn(_) => Level::Ordinal,
            Body::String(_) => Level::Nominal,
            Body::Predicate(_) => *self.memo.level.get_or_init(|| {
                let is_nominal = self.expansion().is_some_and(expr::refers_to_nominal);
                if is_nominal { Level::Nominal } else { Level::Boolean }
            }),
        }
    }

    /// Whether actions may assign to it.
    pub fn is_modifiable(&self) -> bool {
        match &self.body {
            Body::Integer { field, .. } | Body::String(field) => match field.access() {
                Access::ReadOnly => false,
                Access::ReadWrite => true,
            },
            Body::Subfield { parent, .. } => table().get(parent).is_some_and(Self::is_modifiable),
            Body::Predicate(_) => false,
            Body::Ovn(_) => true,
        }
    }

    /// The text of the prerequisites.
    pub fn prereqs(&self) -> Option<&'static str> {
        self.prereqs
    }

    /// The field and the bits of it that an integer symbol names.
    ///
    /// `None` for strings, predicates and OVN fields.
    pub fn resolve(&self) -> Option<(&'static Self, u16)> {
        *self.memo.resolved.get_or_init(|| {
            // Subfields are at most three deep, and the table's test proves that they end.
            let mut symbol = table().get(self.name)?;
            let mut offset = 0;
            while let Body::Subfield { parent, low, .. } = &symbol.body {
                offset += low;
                symbol = table().get(parent)?;
            }
            matches!(symbol.body, Body::Integer { .. }).then_some((symbol, offset))
        })
    }

    /// How values of the symbol are best written.
    pub fn format(&self) -> Format {
        match &self.body {
            Body::Integer { field, low: 0, bits } if *bits == field.bits() => field.format(),
            _ => Format::Hex,
        }
    }

    /// A predicate's expression as it is written, without prerequisites.
    pub(crate) fn expansion(&self) -> Option<&Expr> {
        let Body::Predicate(text) = self.body else { return None };
        Some(self.expanded.get_or_init(|| expr::parse_builtin(text)))
    }

    /// What a predicate says of fields if it is true, or if it is not, with all that these imply.
    pub(crate) fn annotated(&'static self, positive: bool) -> Option<&'static Expr> {
        let expansion = self.expansion()?;
        Some(self.memo.annotated[usize::from(positive)].get_or_init(|| {
            let expansion = expansion.clone();
            expr::annotate(if positive { expansion } else { expansion.negated() })
        }))
    }

    /// What [`Self::annotated`] says as tests, where that can be.
    pub(crate) fn says(&'static self, positive: bool) -> Option<&'static Says> {
        let expr = self.annotated(positive)?;
        self.memo.says[usize::from(positive)].get_or_init(|| Says::of(expr.clone())).as_ref()
    }

    /// What a comparison with it implies, as tests, where that can be.
    pub(crate) fn implied(&'static self) -> Option<&'static Says> {
        self.memo.implied.get_or_init(|| Says::implied_by(self)).as_ref()
    }

    /// The prerequisites in terms of fields only.
    pub(crate) fn prerequisites(&'static self) -> Option<&'static Expr> {
        let text = self.prereqs.filter(|_| !self.is_predicate())?;
        Some(self.expanded.get_or_init(|| expr::annotate(expr::parse_builtin(text))))
    }
}

/// The symbols by name.
pub struct SymbolTable {
    symbols: Vec<Symbol>,
    /// Where in `symbols` each one is: at the place that its name asks for, or the next that is free.
    places: Box<[Option<u16>; PLACES]>,
}

/// Several times as many as there are symbols, so that a name nearly always is where it is looked for first.
const PLACES: usize = 1024;

/// Where a name is looked for: made of its length, its first and its last octets, at most eight of each.
fn place_of(name: &str) -> usize {
    let octets = name.as_bytes();
    let (first, last) = match (octets.first_chunk(), octets.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (octets.first_chunk(), octets.last_chunk()) {
            (Some(first), Some(last)) => {
                (u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into())
            }
            _ => (octets.iter().fold(0, |word, octet| word << 8 | u64::from(*octet)), 0),
        },
    };
    let mixed = (first ^ last.rotate_left(23) ^ octets.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // The high bits are those that depend on all of them.
    (mixed >> (u64::BITS - PLACES.ilog2())) as usize
}

impl SymbolTable {
    fn new(symbols: Vec<Symbol>) -> Self {
        let mut places = Box::new([None; PLACES]);
        for (i, symbol) in symbols.iter().enumerate() {
            let mut place = place_of(symbol.name);
            while places[place].is_some() {
                place = (place + 1) % PLACES;
            }
            places[place] = u16::try_from(i).ok();
        }
        assert!(symbols.len() < PLACES / 2, "a name that is none is soon known to be none");
        Self { symbols, places }
    }

    /// The symbol of that name.
    pub fn get(&self, name: &str) -> Option<&Symbol> {
        let mut place = place_of(name);
        // There are free places, so this ends.
        while let Some(i) = self.places[place] {
            let symbol = &self.symbols[usize::from(i)];
            if symbol.name == name {
                return Some(symbol);
            }
            place = (place + 1) % PLACES;
        }
        None
    }

    /// All symbols, in the order in which the table lists them.
    pub fn iter(&self) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter()
    }
}

/// The symbols of the language. There is one table, for everyone.
pub fn table() -> &'static SymbolTable {
    static TABLE: LazyLock<SymbolTable> = LazyLock::new(|| SymbolTable::new(table::symbols()));
    &TABLE
}

/// Some bits of a symbol, or all of it: what a comparison or an assignment names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldRef {
    pub symbol: &'static Symbol,
    /// The lowest bit, zero for strings.
    pub low: u16,
    /// How many bits, zero for strings.
    pub bits: u16,
}

impl FieldRef {
    /// The whole of a symbol.
    pub fn whole(symbol: &'static Symbol) -> Self {
        Self { symbol, low: 0, bits: symbol.bits() }
    }

    pub fn is_whole(&self) -> bool {
        self.bits == self.symbol.bits()
    }

    /// The same bits as part of the field that they lie in; unchanged if that is what they are.
    ///
    /// `None` for strings, predicates and OVN fields.
    pub fn resolve(&self) -> Option<Self> {
        let (symbol, offset) = self.symbol.resolve()?;
        Some(Self { symbol, low: self.low + offset, bits: self.bits })
    }

    /// The OpenFlow field, the lowest bit and how many bits of it: for strings, the whole field that
    /// holds the key.
    ///
    /// `None` for predicates and OVN fields.
    pub fn openflow(&self) -> Option<(Field, u16, u16)> {
        if let Body::String(field) = self.symbol.body {
            return Some((field, 0, field.bits()));
        }
        let resolved = self.resolve()?;
        match resolved.symbol.body {
            Body::Integer { field, low, .. } => Some((field, low + resolved.low, self.bits)),
            Body::String(_) | Body::Subfield { .. } | Body::Predicate(_) | Body::Ovn(_) => None,
        }
    }
}

impl fmt::Display for FieldRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol.name)?;
        match self.bits {
            _ if self.is_whole() => Ok(()),
            1 => write!(f, "[{}]", self.low),
            bits => write!(f, "[{}..{}]", self.low, self.low + bits - 1),
        }
    }
}

/// The lowest `bits` bits.
pub(crate) fn ones(bits: u16) -> u128 {
    u128::MAX.checked_shr(128 - u32::from(bits)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_is_there_once_and_every_text_in_the_table_is_understood() {
        let mut names = BTreeSet::new();
        for symbol in table().iter() {
            assert!(names.insert(symbol.name), "{} is listed twice", symbol.name);
            symbol.expansion();
            symbol.prerequisites();
            symbol.level();
            if let Body::Subfield { parent, low, bits } = symbol.body {
                let parent = table().get(parent).expect("the parent of a subfield is a symbol");
                assert!(low + bits <= parent.bits(), "{}", symbol.name);
                assert!(symbol.resolve().is_some(), "{}", symbol.name);
            }
            if let Body::Integer { field, low, bits } = symbol.body {
                assert!(low + bits <= field.bits(), "{}", symbol.name);
            }
        }
    }

    #[test]
    fn names_are_found_near_where_they_are_looked_for() {
        for symbol in table().iter() {
            assert_eq!(table().get(symbol.name), Some(symbol));
            for other in [format!("{}!", symbol.name), format!("!{}", symbol.name)] {
                assert_eq!(table().get(&other), None, "{other}");
            }
        }
        assert_eq!(table().get(""), None);
        let far = |symbol: &&Symbol| {
            let home = place_of(symbol.name);
            (0..4).all(|step| {
                let there = table().places[(home + step) % PLACES];
                there.is_none_or(|i| table().symbols[usize::from(i)].name != symbol.name)
            })
        };
        assert_eq!(table().iter().find(far), None);
    }

    #[test]
    fn registers_are_parts_of_wider_ones() {
        let openflow = |name: &str| FieldRef::whole(table().get(name).expect("a symbol")).openflow();
        assert_eq!(openflow("reg0"), Some((Field::XXReg(0), 96, 32)));
        assert_eq!(openflow("reg7"), Some((Field::XXReg(1), 0, 32)));
        assert_eq!(openflow("reg8"), Some((Field::XReg(4), 32, 32)));
        assert_eq!(openflow("xreg3"), Some((Field::XXReg(1), 0, 64)));
        assert_eq!(openflow("flags.loopback"), Some((Field::Reg(10), 0, 1)));
        assert_eq!(openflow("inport"), Some((Field::Reg(14), 0, 32)));
        assert_eq!(openflow("ct.trk"), Some((Field::CtState, 5, 1)));
        assert_eq!(openflow("ip4"), None);
    }

    #[test]
    fn levels_decide_what_can_be_asked() {
        let level = |name: &str| table().get(name).map(Symbol::level);
        assert_eq!(level("ip4"), Some(Level::Nominal));
        assert_eq!(level("ip.proto"), Some(Level::Nominal));
        assert_eq!(level("inport"), Some(Level::Nominal));
        assert_eq!(level("vlan.present"), Some(Level::Boolean));
        assert_eq!(level("eth.mcast"), Some(Level::Boolean));
        assert_eq!(level("ip.first_frag"), Some(Level::Boolean));
        assert_eq!(level("tcp.src"), Some(Level::Ordinal));
        assert_eq!(level("vlan.vid"), Some(Level::Ordinal));
    }

    #[test]
    fn some_fields_are_read_only() {
        let modifiable = |name: &str| table().get(name).map(Symbol::is_modifiable);
        for name in ["eth.type", "ip.proto", "ip.frag", "tcp.flags", "ip4", "ct_state", "ct.est"] {
            assert_eq!(modifiable(name), Some(false), "{name}");
        }
        for name in ["eth.src", "reg0", "outport", "vlan.pcp", "ip.ttl", "arp.op", "ct_mark.natted"] {
            assert_eq!(modifiable(name), Some(true), "{name}");
        }
    }
}
