//! The record of a translation for `ofproto/trace`: a tree of bridges, tables and what they did, printed as Open
//! vSwitch does it.

use openflow::{Action, Actions, Instruction, Subfield};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bridge,
    Table,
    Thaw,
    Bucket,
    Action,
    /// How it went, below the action that it is about.
    Detail,
    Warning,
    Error,
}

impl Kind {
    /// Lines that nothing hangs on. What hangs on the last of the others is not indented, so that long ways through
    /// tables stay narrow.
    const fn is_terminal(self) -> bool {
        match self {
            Self::Action | Self::Detail | Self::Warning | Self::Error | Self::Bucket => true,
            Self::Bridge | Self::Table | Self::Thaw => false,
        }
    }
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    text: String,
    below: Vec<usize>,
}

/// One thing that a flow says it does.
#[derive(Clone, Debug)]
enum Said {
    Action(Box<Action>),
    /// An instruction that is no action.
    Other(String),
}

/// A list of steps in execution, or a bridge.
#[derive(Clone, Debug)]
struct Scope {
    /// Its place in the stack of levels.
    level: usize,
    node: usize,
    said: Vec<Said>,
}

/// A record being made.
#[derive(Debug)]
pub(super) struct Trace {
    nodes: Vec<Node>,
    scopes: Vec<Scope>,
    /// What the next list of steps says, and what its lines hang on.
    coming: Option<(usize, Vec<Said>)>,
}

impl Trace {
    pub(super) fn new(bridge: &str) -> Self {
        let root = Node { kind: Kind::Bridge, text: bridge_title(bridge), below: Vec::new() };
        Self { nodes: vec![root], scopes: vec![Scope { level: 0, node: 0, said: Vec::new() }], coming: None }
    }

    /// What lines hang on now. With so many levels on the stack, what was begun at higher ones is done.
    fn current(&mut self, levels: usize) -> usize {
        while self.scopes.len() > 1 && self.scopes.last().is_some_and(|scope| scope.level >= levels) {
            self.scopes.pop();
        }
        self.scopes.last().map_or(0, |scope| scope.node)
    }

    fn add(&mut self, parent: usize, kind: Kind, text: String) -> usize {
        self.nodes.push(Node { kind, text, below: Vec::new() });
        let node = self.nodes.len() - 1;
        self.nodes[parent].below.push(node);
        node
    }

    fn add_here(&mut self, levels: usize, kind: Kind, text: String) -> usize {
        let parent = self.current(levels);
        self.add(parent, kind, text)
    }

    pub(super) fn detail(&mut self, levels: usize, text: String) {
        self.add_here(levels, Kind::Detail, text);
    }

    pub(super) fn warning(&mut self, levels: usize, text: String) {
        self.add_here(levels, Kind::Warning, text);
    }

    pub(super) fn error(&mut self, levels: usize, text: String) {
        self.add_here(levels, Kind::Error, text);
    }

    /// A table was entered, and this flow found, or none.
    pub(super) fn table(&mut self, levels: usize, text: String, found: Option<&[Instruction]>) {
        let node = self.add_here(levels, Kind::Table, text);
        let Some(instructions) = found else {
            self.add(node, Kind::Action, "drop".to_owned());
            return;
        };
        let said = instructions.iter().flat_map(|instruction| match instruction {
            Instruction::Apply(actions) => actions_said(actions),
            other @ (Instruction::Meter(_)
            | Instruction::ClearActions
            | Instruction::Write(_)
            | Instruction::WriteMetadata { .. }
            | Instruction::GotoTable(_)) => vec![Said::Other(other.to_string())],
        });
        self.coming = Some((node, said.collect()));
    }

    /// A bucket of a group was chosen.
    pub(super) fn bucket(&mut self, levels: usize, number: u32, actions: &[Action]) {
        let node = self.add_here(levels, Kind::Bucket, format!("bucket {number}"));
        self.coming = Some((node, actions_said(actions)));
    }

    /// The packet goes on in the table of a state.
    pub(super) fn thaw(&mut self, table: u8) {
        let node = self.add_here(0, Kind::Thaw, "thaw".to_owned());
        self.add(node, Kind::Thaw, format!("Resuming from table {table}"));
    }

    /// The packet enters another bridge; `level` is the place of its copy.
    pub(super) fn bridge(&mut self, level: usize, name: &str) {
        let node = self.add_here(level, Kind::Bridge, bridge_title(name));
        self.scopes.push(Scope { level, node, said: Vec::new() });
    }

    /// A list of steps begins at this place of the stack.
    pub(super) fn enter(&mut self, level: usize) {
        let Some((node, said)) = self.coming.take() else { return };
        self.current(level);
        if said.is_empty() {
            self.add(node, Kind::Action, "drop".to_owned());
        }
        self.scopes.push(Scope { level, node, said });
    }

    /// A step of the innermost list begins. What it is to write, where that is not said by the step itself.
    pub(super) fn step(&mut self, levels: usize, at: usize) -> Option<Subfield> {
        let node = self.current(levels);
        let scope = self.scopes.last().filter(|scope| scope.level + 1 == levels);
        let action = match scope.and_then(|scope| scope.said.get(at)).cloned()? {
            Said::Other(text) => {
                self.add(node, Kind::Action, text);
                return None;
            }
            Said::Action(action) => *action,
        };
        self.add(node, Kind::Action, Actions(std::slice::from_ref(&action)).to_string());
        match action {
            Action::Clone(nested) => self.coming = Some((node, actions_said(&nested))),
            Action::Ct(ct) if ct.actions.is_empty() => {
                self.add(node, Kind::Action, "drop".to_owned());
            }
            Action::Ct(ct) => {
                for nested in &ct.actions {
                    self.add(node, Kind::Action, Actions(std::slice::from_ref(nested)).to_string());
                }
            }
            Action::Pop(dst) | Action::CopyField { dst, .. } => return Some(dst),
            _ => {}
        }
        None
    }

    /// Runs something several times from where things are now.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.scopes.clone())
    }

    /// Goes back to where a mark was made; what was recorded since stays.
    pub(super) fn back_to(&mut self, mark: &Mark) {
        self.scopes.clone_from(&mark.0);
    }

    pub(super) fn into_text(self) -> String {
        let mut out = String::new();
        self.print(&[0], 0, &mut out);
        out
    }

    fn print(&self, list: &[usize], level: usize, out: &mut String) {
        for (at, node) in list.iter().enumerate() {
            let Node { kind, text, below } = &self.nodes[*node];
            let more = usize::from(at + 1 < list.len() || kind.is_terminal());
            let indent = " ".repeat((level + more) * 4);
            *out += &match kind {
                Kind::Bridge => format!("\n{indent}{text}\n{indent}{}\n", "-".repeat(text.len())),
                Kind::Table | Kind::Thaw | Kind::Bucket | Kind::Action => format!("{indent}{text}\n"),
                Kind::Detail => format!("{indent} -> {text}\n"),
                Kind::Warning => format!("{indent} >> {text}\n"),
                Kind::Error => format!("{indent} >>>> {text} <<<<\n"),
            };
            self.print(below, level + 2 * more, out);
        }
    }
}

/// Which lists of steps were in execution.
#[derive(Debug)]
pub(super) struct Mark(Vec<Scope>);

fn bridge_title(name: &str) -> String {
    format!("bridge(\"{name}\")")
}

fn actions_said(actions: &[Action]) -> Vec<Said> {
    actions.iter().map(|action| Said::Action(Box::new(action.clone()))).collect()
}
