//! The classifier against looking at every rule, and what it says it looked at against what it used.

use std::sync::{Arc, OnceLock};

use openflow::{Action, Conjunction, Field, FlowMod, Match};
use packet::key::{FlowKey, WORDS};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::field::key_of_match;
use crate::flow::{Doing, PackedMatch};
use crate::tlv::TlvTable;

fn rule(id: u64, flow: &FlowMod) -> Arc<Rule> {
    let now = crate::testing::start();
    Arc::new(Rule {
        added: id,
        id,
        table: 0,
        priority: flow.priority,
        matching: PackedMatch::new(&flow.matching),
        cookie: 0,
        idle_timeout: 0,
        hard_timeout: 0,
        flags: flow.flags,
        importance: 0,
        doing: Doing::new(0, flow.instructions.clone(), &TlvTable::default()).unwrap().into(),
        options: 0,
        learned: false,
        created: now,
        modified: now,
        counters: OnceLock::new(),
    })
}

/// Fields of every stage, with few values.
fn matching() -> impl Strategy<Value = Match> {
    let field = prop_oneof![
        Just(Field::Metadata),
        Just(Field::Reg(14)),
        Just(Field::EthDst),
        Just(Field::EthType),
        Just(Field::Ipv4Dst),
        Just(Field::IpProto),
        Just(Field::TcpDst)
    ];
    vec((field, 0u128..3, 1u128..4), 0..4).prop_map(|parts| {
        let mut all = Match::any();
        for (field, value, mask) in parts {
            all.set_masked(field, value, mask);
        }
        all
    })
}

fn flows() -> impl Strategy<Value = Vec<FlowMod>> {
    let part = (1u32..4, 0u8..2).prop_map(|(id, clause)| Some(Conjunction { id, clause, n_clauses: 2 }));
    let kind = prop_oneof![3 => Just(None), 2 => part];
    let conj_id = prop_oneof![3 => Just(None), 1 => (1u32..4).prop_map(Some)];
    vec((matching(), 0u16..6, kind, conj_id), 0..24).prop_map(|flows| {
        flows
            .into_iter()
            .map(|(mut matching, priority, part, conj_id)| {
                if let Some(id) = conj_id {
                    matching.set(Field::ConjId, id);
                }
                let actions = part.map(Action::Conjunction).into_iter().collect();
                FlowMod::add(0, priority, matching, actions, 0)
            })
            .collect()
    })
}

fn key() -> impl Strategy<Value = FlowKey> {
    vec(0u128..4, 7).prop_map(|values| {
        let fields = [
            Field::Metadata,
            Field::Reg(14),
            Field::EthDst,
            Field::EthType,
            Field::Ipv4Dst,
            Field::IpProto,
            Field::TcpDst,
        ];
        let mut key = FlowKey::ZERO;
        for (field, value) in fields.into_iter().zip(values) {
            key.set(crate::field::slot_of(field, &TlvTable::default()).unwrap(), value);
        }
        key
    })
}

/// Every rule looked at, as ovs-fields(7) describes conjunctive matches.
fn by_hand(rules: &[Arc<Rule>], key: &FlowKey) -> Option<u16> {
    let matches = |rule: &Rule, key: &FlowKey| {
        let (value, mask) = key_of_match(&rule.matching(), &TlvTable::default()).unwrap();
        (key & &mask) == value
    };
    let best = |key: &FlowKey| {
        let hard = rules.iter().filter(|rule| rule.conjunctions().is_empty() && matches(rule, key));
        hard.map(|rule| rule.priority).max()
    };
    let hard = best(key);
    for priority in (0..6u16).rev().filter(|priority| hard.is_none_or(|hard| *priority > hard)) {
        for id in 1..4 {
            let has = |clause| {
                rules.iter().any(|rule| {
                    rule.priority == priority
                        && matches(rule, key)
                        && rule.conjunctions().iter().any(|part| (part.id, part.clause) == (id, clause))
                })
            };
            if has(0) && has(1) {
                let mut key = key.clone();
                key.set(packet::key::slot::CONJ_ID, id.into());
                if let Some(found) = best(&key).filter(|found| *found >= priority) {
                    return Some(found);
                }
            }
        }
    }
    hard
}

proptest! {
    #[test]
    fn the_best_rule_is_found_and_depends_only_on_what_was_looked_at(flows in flows(), keys in vec(key(), 1..20), noise: u64) {
        let tlv = TlvTable::default();
        let mut classifier = Classifier::default();
        let mut rules: Vec<Arc<Rule>> = Vec::new();
        for (id, flow) in (0..).zip(&flows) {
            let rule = rule(id, flow);
            let (value, mask) = key_of_match(&rule.matching(), &tlv).unwrap();
            if let Some(old) = classifier.insert(&value, &mask, Arc::clone(&rule)) {
                rules.retain(|rule| rule.id != old.id);
            }
            rules.push(rule);
        }
        for (round, key) in keys.iter().enumerate() {
            let mut looked = FlowKey::ZERO;
            let found = classifier.lookup(key, &mut looked).map(|rule| rule.priority);
            prop_assert_eq!(found, by_hand(&rules, key));
            // Other bits than those looked at make no difference.
            let mut other = key.clone();
            for word in 0..WORDS {
                other[word] ^= noise.rotate_left(word as u32) & !looked[word];
            }
            other.set(packet::key::slot::CONJ_ID, 0);
            prop_assert_eq!(classifier.lookup(&other, &mut FlowKey::ZERO.clone()).map(|rule| rule.priority), found);
            // Rules go one by one, and the rest is found as before.
            if let Some(gone) = (!rules.is_empty()).then(|| rules.remove(round * 7 % rules.len())) {
                let (value, mask) = key_of_match(&gone.matching(), &tlv).unwrap();
                prop_assert!(classifier.remove(&value, &mask, gone.priority).is_some());
                prop_assert!(classifier.get(&value, &mask, gone.priority).is_none());
            }
        }
    }
}

#[test]
fn a_packet_that_differs_early_is_not_looked_at_late() {
    let tlv = TlvTable::default();
    let mut classifier = Classifier::default();
    let matching =
        Match::any().with(Field::Metadata, 1u8).with(Field::EthType, 0x800u16).with(Field::Ipv4Dst, 9u8);
    let (value, mask) = key_of_match(&matching, &tlv).unwrap();
    classifier.insert(&value, &mask, rule(0, &FlowMod::add(0, 1, matching, vec![], 0)));
    let mut looked = FlowKey::ZERO;
    assert!(classifier.lookup(&FlowKey::ZERO, &mut looked).is_none());
    assert_eq!(looked.get(packet::key::slot::IPV4_DST), 0);
    assert_eq!(looked.get(packet::key::slot::ETH_TYPE), 0);
    assert_eq!(looked.get_u64(packet::key::slot::METADATA), u64::MAX);
}
