//! What happened, as a tree, and its three forms in text.

use crate::about::About;
use std::collections::{BTreeMap, BTreeSet};

/// What a node stands for, which decides in which forms it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A packet entering a pipeline. Shown with a title in detail and as a block in the summary.
    Pipeline,
    /// A packet becoming another one. Shown like a pipeline, and in the minimal form too.
    Transformation,
    /// A flow that matched, or that none did. Shown in detail only.
    Table,
    /// An action, or a remark on it. Shown in detail and in the summary.
    Action,
    /// A remark that ends with `;` in the summary.
    Remark,
    /// Something that a packet on the wire shows. Shown in the minimal form only.
    Effect,
    /// Something that is wrong. Always shown.
    Error,
    /// The place of the OpenFlow flows with this cookie, which [`put_openflow`] puts there.
    OpenFlow(u32),
}

/// One thing that happened, and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    /// One of several packets of the same standing, indented even if it is the last one.
    pub(crate) of_many: bool,
    /// What an action that ended its flow led to. It is not indented, so that a long way through many
    /// tables does not run off the screen.
    tail: bool,
    pub(crate) children: Vec<Self>,
    /// What else is known of it, if that is recorded.
    pub(crate) about: Option<Box<About>>,
}

impl Node {
    pub(crate) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), of_many: false, tail: false, children: Vec::new(), about: None }
    }

    pub(crate) fn with(mut self, children: Vec<Self>) -> Self {
        self.children = children;
        self
    }

    pub(crate) fn about(mut self, about: Option<About>) -> Self {
        self.about = about.map(Box::new);
        self
    }

    /// One of several packets of the same standing.
    pub(crate) fn of_many(mut self) -> Self {
        self.of_many = true;
        self
    }

    /// What an action that ended its flow led to.
    pub(crate) fn tail(mut self) -> Self {
        self.tail = true;
        self
    }

    fn in_detail(&self) -> bool {
        match self.kind {
            Kind::Pipeline
            | Kind::Transformation
            | Kind::Table
            | Kind::Action
            | Kind::Remark
            | Kind::Error => true,
            Kind::Effect | Kind::OpenFlow(_) => false,
        }
    }

    fn always_indented(&self) -> bool {
        match self.kind {
            Kind::Action | Kind::Remark | Kind::Error => true,
            Kind::Pipeline | Kind::Transformation | Kind::Table | Kind::Effect | Kind::OpenFlow(_) => {
                self.of_many
            }
        }
    }
}

/// The cookies of the flows whose OpenFlow flows are to be shown.
pub(crate) fn cookies(node: &Node, out: &mut BTreeSet<u32>) {
    if let Kind::OpenFlow(cookie) = node.kind {
        out.insert(cookie);
    }
    node.children.iter().for_each(|child| cookies(child, out));
}

/// Puts OpenFlow flows, as text by their cookie, to the logical flows that they were made of.
pub(crate) fn put_openflow(node: &mut Node, flows: &BTreeMap<u32, Vec<String>>) {
    let mut children = Vec::new();
    for mut child in std::mem::take(&mut node.children) {
        match child.kind {
            Kind::OpenFlow(cookie) => match flows.get(&cookie) {
                Some(flows) => children.extend(flows.iter().map(|flow| Node::new(Kind::Action, flow))),
                None => children.push(Node::new(Kind::Error, "*** no OpenFlow flows")),
            },
            Kind::Pipeline
            | Kind::Transformation
            | Kind::Table
            | Kind::Action
            | Kind::Remark
            | Kind::Effect
            | Kind::Error => {
                put_openflow(&mut child, flows);
                children.push(child);
            }
        }
    }
    node.children = children;
}

/// The detailed form: sections for pipelines, in them each table with the flow that matched.
pub(crate) fn detailed(nodes: &[Node]) -> String {
    let mut out = String::new();
    write_detailed(&mut out, nodes, 0);
    out
}

fn write_detailed(out: &mut String, nodes: &[Node], level: usize) {
    let mut inside_last = level;
    for (i, node) in nodes.iter().enumerate().filter(|(_, node)| node.in_detail()) {
        let followed = || nodes[i + 1..].iter().any(|later| later.in_detail() && !later.tail);
        // A tail is part of what it follows.
        let (level, more) = if node.tail { (inside_last, false) } else { (level, followed()) };
        let more = usize::from(more || node.always_indented());
        inside_last = level + 2 * more;
        let indent = " ".repeat(4 * (level + more));
        let title = matches!(node.kind, Kind::Pipeline | Kind::Transformation);
        if title {
            out.push('\n');
        }
        out.push_str(&format!("{indent}{}\n", node.text));
        if title {
            out.push_str(&format!("{indent}{}\n", "-".repeat(node.text.len())));
        }
        write_detailed(out, &node.children, inside_last);
    }
}

/// The summary form: pipelines and actions as nested blocks.
pub(crate) fn summary(nodes: &[Node]) -> String {
    blocks(nodes, |kind| match kind {
        Kind::Pipeline | Kind::Transformation | Kind::Action | Kind::Remark | Kind::Error => Shown::Yes,
        Kind::Table => Shown::ChildrenOnly,
        Kind::Effect | Kind::OpenFlow(_) => Shown::No,
    })
}

/// The minimal form: what happens to the packet itself, and where it goes.
pub(crate) fn minimal(nodes: &[Node]) -> String {
    blocks(nodes, |kind| match kind {
        Kind::Transformation | Kind::Effect | Kind::Error => Shown::Yes,
        Kind::Pipeline | Kind::Table => Shown::ChildrenOnly,
        Kind::Action | Kind::Remark | Kind::OpenFlow(_) => Shown::No,
    })
}

enum Shown {
    Yes,
    ChildrenOnly,
    No,
}

fn blocks(nodes: &[Node], shown: fn(Kind) -> Shown) -> String {
    let mut pruned = Vec::new();
    prune(nodes, shown, &mut pruned);
    let mut out = String::new();
    write_blocks(&mut out, &pruned, 0);
    out
}

struct Block<'a> {
    node: &'a Node,
    children: Vec<Self>,
}

fn prune<'a>(nodes: &'a [Node], shown: fn(Kind) -> Shown, out: &mut Vec<Block<'a>>) {
    for node in nodes {
        match shown(node.kind) {
            Shown::No => {}
            Shown::ChildrenOnly => prune(&node.children, shown, out),
            Shown::Yes => {
                let mut children = Vec::new();
                prune(&node.children, shown, &mut children);
                out.push(Block { node, children });
            }
        }
    }
}

fn write_blocks(out: &mut String, blocks: &[Block<'_>], level: usize) {
    for Block { node, children } in blocks {
        // Where the packet goes from there is seen from what follows.
        if node.kind == Kind::Action && node.text.starts_with("next(") {
            continue;
        }
        let indent = " ".repeat(4 * level);
        out.push_str(&format!("{indent}{}", node.text));
        if !children.is_empty() {
            out.push_str(" {\n");
            write_blocks(out, children, level + 1);
            out.push_str(&format!("{indent}}}"));
        }
        out.push_str(if node.kind == Kind::Action { "\n" } else { ";\n" });
    }
}
