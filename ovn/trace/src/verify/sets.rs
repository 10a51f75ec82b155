//! Sets of packets as reduced ordered binary decision diagrams (Bryant, "Graph-based algorithms for Boolean function
//! manipulation", 1986).
//!
//! A packet is a row of bits. A set is a graph that is walked from its root, at each node along the branch of the node's
//! bit, to "in" or "out". Equal sets are equal numbers, so that it costs nothing to see that a set is empty or that two
//! are the same. Unions of what many flows match, minus what others match, stay small, where lists of wildcards with
//! holes would multiply.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The most nodes of all sets together. When there would be more, [`Sets::is_full`] says so, and what operations give
/// is of no use any more.
pub(crate) const NODES_MAX: usize = 12_000_000;

/// Results of operations that are remembered; a newer one replaces an older one.
const MEMORY: usize = 1 << 20;

/// Fewer nodes than this are all kept.
const CROWDED_MIN: usize = NODES_MAX / 4;

/// A set of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Set(u32);

impl Set {
    /// No packet.
    pub(crate) const NONE: Self = Self(0);
    /// Every packet.
    pub(crate) const ALL: Self = Self(1);

    pub(crate) fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

/// A bit of a packet, or of what is assumed about its way. Smaller ones are nearer to the root.
pub(crate) type Var = u32;

/// The variable of the two sets that have no bits.
const NO_VAR: Var = Var::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Node {
    var: Var,
    /// The packets whose bit is 0, and those whose bit is 1.
    branches: [Set; 2],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Minus,
}

/// Multiplies and folds: nodes are small numbers, and nobody chooses them to collide.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.write_u32(u32::from(*octet));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(23) ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u32(number as u32);
    }
}

/// All sets of one question.
pub(crate) struct Sets {
    nodes: Vec<Node>,
    numbers: HashMap<Node, Set, BuildHasherDefault<Mix>>,
    memory: Vec<Option<(Operation, Set, Set, Set)>>,
    full: bool,
    /// So many nodes are worth a look for those that nobody needs.
    crowded_at: usize,
}

impl Default for Sets {
    fn default() -> Self {
        let leaf = |set| Node { var: NO_VAR, branches: [set; 2] };
        Self {
            nodes: vec![leaf(Set::NONE), leaf(Set::ALL)],
            numbers: HashMap::default(),
            memory: vec![None; MEMORY],
            full: false,
            crowded_at: CROWDED_MIN,
        }
    }
}

impl Sets {
    /// Whether there was no room for another node, so that results are wrong from then on.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether it is time for [`Self::keep`].
    pub(crate) fn is_crowded(&self) -> bool {
        self.nodes.len() >= self.crowded_at
    }

    /// Forgets all nodes but those of some sets, which get new numbers in the same order. Any other set means nothing from
    /// then on.
    pub(crate) fn keep<'a>(&mut self, sets: impl Iterator<Item = &'a mut Set>) {
        let sets: Vec<&mut Set> = sets.collect();
        let mut alive = vec![false; self.nodes.len()];
        for set in [Set::NONE, Set::ALL].iter().chain(sets.iter().map(|set| &**set)) {
            alive[set.0 as usize] = true;
        }
        // Branches have smaller numbers than what is above them.
        for (i, node) in self.nodes.iter().enumerate().rev() {
            if alive[i] {
                node.branches.iter().for_each(|branch| alive[branch.0 as usize] = true);
            }
        }
        let mut renumbered = vec![Set::NONE; self.nodes.len()];
        let mut kept = Vec::new();
        for (i, node) in self.nodes.iter().enumerate().filter(|(i, _)| alive[*i]) {
            renumbered[i] = Set(kept.len() as u32);
            kept.push(Node { branches: node.branches.map(|branch| renumbered[branch.0 as usize]), ..*node });
        }
        for set in sets {
            *set = renumbered[set.0 as usize];
        }
        self.numbers = (0..).zip(&kept).skip(2).map(|(i, node)| (*node, Set(i))).collect();
        self.nodes = kept;
        self.memory.fill(None);
        self.crowded_at = CROWDED_MIN.max(2 * self.nodes.len());
    }

    fn node(&self, set: Set) -> Node {
        self.nodes[set.0 as usize]
    }

    fn make(&mut self, var: Var, branches: [Set; 2]) -> Set {
        if branches[0] == branches[1] {
            return branches[0];
        }
        let node = Node { var, branches };
        if let Some(&set) = self.numbers.get(&node) {
            return set;
        }
        if self.nodes.len() >= NODES_MAX {
            self.full = true;
            return Set::NONE;
        }
        let set = Set(self.nodes.len() as u32);
        self.nodes.push(node);
        self.numbers.insert(node, set);
        set
    }

    /// The packets of which a bit has a value.
    pub(crate) fn bit(&mut self, var: Var, value: bool) -> Set {
        let branches = if value { [Set::NONE, Set::ALL] } else { [Set::ALL, Set::NONE] };
        self.make(var, branches)
    }

    /// The packets whose bits have these values. Bits are in ascending order.
    pub(crate) fn cube(&mut self, bits: &[(Var, bool)]) -> Set {
        bits.iter().rev().fold(Set::ALL, |below, &(var, value)| {
            let branches = if value { [Set::NONE, below] } else { [below, Set::NONE] };
            self.make(var, branches)
        })
    }

    /// What is in both.
    pub(crate) fn and(&mut self, left: Set, right: Set) -> Set {
        match (left, right) {
            (Set::NONE, _) | (_, Set::NONE) => Set::NONE,
            (Set::ALL, other) | (other, Set::ALL) => other,
            _ if left == right => left,
            _ => self.apply(Operation::And, left.min(right), left.max(right)),
        }
    }

    /// What is in either.
    pub(crate) fn or(&mut self, left: Set, right: Set) -> Set {
        match (left, right) {
            (Set::ALL, _) | (_, Set::ALL) => Set::ALL,
            (Set::NONE, other) | (other, Set::NONE) => other,
            _ if left == right => left,
            _ => self.apply(Operation::Or, left.min(right), left.max(right)),
        }
    }

    /// What is in `left` and not in `right`.
    pub(crate) fn minus(&mut self, left: Set, right: Set) -> Set {
        match (left, right) {
            (Set::NONE, _) | (_, Set::ALL) => Set::NONE,
            (_, Set::NONE) => left,
            _ if left == right => Set::NONE,
            _ => self.apply(Operation::Minus, left, right),
        }
    }

    /// What is not in it.
    pub(crate) fn not(&mut self, set: Set) -> Set {
        self.minus(Set::ALL, set)
    }

    /// The union of many, joined in pairs, so that large ones are not walked for each small one.
    pub(crate) fn or_all(&mut self, mut sets: Vec<Set>) -> Set {
        while sets.len() > 1 {
            sets = sets.chunks(2).map(|pair| pair.iter().fold(Set::NONE, |a, &b| self.or(a, b))).collect();
        }
        sets.first().copied().unwrap_or(Set::NONE)
    }

    fn apply(&mut self, operation: Operation, left: Set, right: Set) -> Set {
        let mut hash = Mix(operation as u64);
        hash.write_u32(left.0);
        hash.write_u32(right.0);
        let slot = hash.finish() as usize % MEMORY;
        if let Some((known, l, r, result)) = self.memory[slot]
            && (known, l, r) == (operation, left, right)
        {
            return result;
        }
        let (a, b) = (self.node(left), self.node(right));
        let var = a.var.min(b.var);
        let branches = [0, 1].map(|i| {
            let l = if a.var == var { a.branches[i] } else { left };
            let r = if b.var == var { b.branches[i] } else { right };
            match operation {
                Operation::And => self.and(l, r),
                Operation::Or => self.or(l, r),
                Operation::Minus => self.minus(l, r),
            }
        });
        let result = self.make(var, branches);
        self.memory[slot] = Some((operation, left, right, result));
        result
    }

    /// One packet of the set, as the bits that make it one: the others may have any value. `choose` is asked for the
    /// value of a bit where both lead to a packet. `None` of an empty set.
    pub(crate) fn example(
        &self,
        mut set: Set,
        choose: &mut dyn FnMut(Var) -> bool,
    ) -> Option<Vec<(Var, bool)>> {
        let mut bits = Vec::new();
        while set != Set::ALL {
            if set.is_empty() {
                return None;
            }
            let Node { var, branches } = self.node(set);
            let value = match branches {
                [Set::NONE, _] => true,
                [_, Set::NONE] => false,
                _ => choose(var),
            };
            bits.push((var, value));
            set = branches[usize::from(value)];
        }
        Some(bits)
    }

    /// Of the first `vars` bits, those that all packets of the set have in common, and which others it depends on.
    pub(crate) fn summary(&self, set: Set, vars: Var) -> (Vec<(Var, bool)>, Vec<Var>) {
        let size = vars as usize;
        // How often a bit has a branch to somewhere, by its value; and where ways begin and end that pass a bit by.
        let (mut alive, mut passed) = (vec![[false; 2]; size], vec![0i64; size + 1]);
        let level = |set: Set| self.node(set).var.min(vars) as usize;
        let mut pass = |from: usize, to: usize| {
            if from < to {
                passed[from] += 1;
                passed[to] -= 1;
            }
        };
        pass(0, level(set));
        let (mut todo, mut seen) = (vec![set], std::collections::HashSet::new());
        while let Some(set) = todo.pop() {
            let Node { var, branches } = self.node(set);
            if var >= vars || !seen.insert(set) {
                continue;
            }
            for (value, branch) in branches.into_iter().enumerate().filter(|(_, branch)| !branch.is_empty()) {
                alive[var as usize][value] = true;
                pass(var as usize + 1, level(branch));
                todo.push(branch);
            }
        }
        let (mut common, mut others, mut around) = (Vec::new(), Vec::new(), 0);
        for var in 0..vars {
            around += passed[var as usize];
            match alive[var as usize] {
                [false, false] => {}
                [true, false] if around == 0 => common.push((var, false)),
                [false, true] if around == 0 => common.push((var, true)),
                _ => others.push(var),
            }
        }
        (common, others)
    }
}

/// What tests ask.
#[cfg(test)]
impl Sets {
    /// Whether a packet is in the set, by the values of its bits.
    pub(crate) fn contains(&self, mut set: Set, bit: &dyn Fn(Var) -> bool) -> bool {
        while !matches!(set, Set::NONE | Set::ALL) {
            let Node { var, branches } = self.node(set);
            set = branches[usize::from(bit(var))];
        }
        set == Set::ALL
    }

    /// The packets that are in the set with some values of the bits for which `is_free` says so.
    pub(crate) fn forget(&mut self, set: Set, is_free: &dyn Fn(Var) -> bool) -> Set {
        self.forget_below(set, is_free, &mut HashMap::default())
    }

    fn forget_below(
        &mut self,
        set: Set,
        is_free: &dyn Fn(Var) -> bool,
        known: &mut HashMap<Set, Set>,
    ) -> Set {
        if matches!(set, Set::NONE | Set::ALL) {
            return set;
        }
        if let Some(&result) = known.get(&set) {
            return result;
        }
        let Node { var, branches } = self.node(set);
        let below = branches.map(|branch| self.forget_below(branch, is_free, known));
        let result = if is_free(var) { self.or(below[0], below[1]) } else { self.make(var, below) };
        known.insert(set, result);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BITS: u32 = 5;

    /// An expression over a few bits, and the table of its values.
    #[derive(Clone, Debug)]
    enum Term {
        Bit(Var, bool),
        And(Box<Self>, Box<Self>),
        Or(Box<Self>, Box<Self>),
        Minus(Box<Self>, Box<Self>),
    }

    fn term() -> impl Strategy<Value = Term> {
        let bit = (0..BITS, any::<bool>()).prop_map(|(var, value)| Term::Bit(var, value));
        bit.prop_recursive(6, 48, 2, |inner| {
            let pair = || (inner.clone(), inner.clone()).prop_map(|(a, b)| (Box::new(a), Box::new(b)));
            prop_oneof![
                pair().prop_map(|(a, b)| Term::And(a, b)),
                pair().prop_map(|(a, b)| Term::Or(a, b)),
                pair().prop_map(|(a, b)| Term::Minus(a, b)),
            ]
        })
    }

    impl Term {
        /// Bit n says whether the packet n is in.
        fn table(&self) -> u32 {
            match self {
                Self::Bit(var, value) => {
                    (0..1 << BITS).filter(|n| (n >> var & 1 == 1) == *value).map(|n: u32| 1 << n).sum()
                }
                Self::And(a, b) => a.table() & b.table(),
                Self::Or(a, b) => a.table() | b.table(),
                Self::Minus(a, b) => a.table() & !b.table(),
            }
        }

        fn set(&self, sets: &mut Sets) -> Set {
            match self {
                Self::Bit(var, value) => sets.bit(*var, *value),
                Self::And(a, b) => {
                    let (a, b) = (a.set(sets), b.set(sets));
                    sets.and(a, b)
                }
                Self::Or(a, b) => {
                    let (a, b) = (a.set(sets), b.set(sets));
                    sets.or(a, b)
                }
                Self::Minus(a, b) => {
                    let (a, b) = (a.set(sets), b.set(sets));
                    sets.minus(a, b)
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sets_have_the_packets_that_their_terms_have(left in term(), right in term()) {
            let mut sets = Sets::default();
            let (a, b) = (left.set(&mut sets), right.set(&mut sets));
            prop_assert_eq!(a == b, left.table() == right.table());
            for n in 0..1 << BITS {
                prop_assert_eq!(sets.contains(a, &|var| n >> var & 1 == 1), left.table() >> n & 1 == 1);
            }
            let (common, others) = sets.summary(a, BITS);
            for var in 0..BITS {
                let of = |value: u32| (0..1u32 << BITS).any(|n| left.table() >> n & 1 == 1 && n >> var & 1 == value);
                let expected = match (of(0), of(1)) {
                    (true, false) => Some((var, false)),
                    (false, true) => Some((var, true)),
                    _ => None,
                };
                prop_assert_eq!(common.iter().find(|(v, _)| *v == var).copied(), expected);
                prop_assert!(expected.is_none() || !others.contains(&var));
            }
            let complement = sets.not(a);
            prop_assert_eq!(sets.and(a, complement), Set::NONE);
            prop_assert_eq!(sets.or(a, complement), Set::ALL);
            prop_assert_eq!(sets.or_all(vec![a, b, complement]), Set::ALL);
        }

        #[test]
        fn an_example_is_in_the_set(term in term(), choices in any::<u32>()) {
            let mut sets = Sets::default();
            let set = term.set(&mut sets);
            let example = sets.example(set, &mut |var| choices >> var & 1 == 1);
            prop_assert_eq!(example.is_none(), term.table() == 0);
            for (var, value) in example.into_iter().flatten() {
                prop_assert!(var < BITS);
                let rest = sets.bit(var, !value);
                prop_assert!(!sets.minus(set, rest).is_empty());
            }
        }

        #[test]
        fn sets_that_are_kept_are_what_they_were(kept in term(), other in term(), later in term()) {
            let mut sets = Sets::default();
            let (mut a, _) = (kept.set(&mut sets), other.set(&mut sets));
            let mut all = Set::ALL;
            sets.keep([&mut a, &mut all].into_iter());
            prop_assert_eq!(all, Set::ALL);
            prop_assert_eq!(kept.set(&mut sets), a);
            let later_set = later.set(&mut sets);
            let both = sets.and(a, later_set);
            for n in 0..1 << BITS {
                let expected = (kept.table() & later.table()) >> n & 1 == 1;
                prop_assert_eq!(sets.contains(both, &|var| n >> var & 1 == 1), expected);
            }
        }

        #[test]
        fn what_is_forgotten_may_be_anything(term in term(), var in 0..BITS) {
            let mut sets = Sets::default();
            let set = term.set(&mut sets);
            let (zero, one) = (sets.bit(var, false), sets.bit(var, true));
            let forgotten = sets.forget(set, &|v| v == var);
            for half in [zero, one] {
                let part = sets.and(set, half);
                let part = sets.forget(part, &|v| v == var);
                prop_assert_eq!(sets.minus(part, forgotten), Set::NONE);
            }
            prop_assert_eq!(sets.forget(forgotten, &|v| v == var), forgotten);
            prop_assert_eq!(sets.minus(set, forgotten), Set::NONE);
        }
    }
}
