//! Actions made ready to be executed: fields found, nesting shared, limits checked.
//!
//! Compiling happens once, when a flow or group is added, so that whatever this switch cannot do is
//! refused to the controller and not found out by a packet.

use std::net::IpAddr;
use std::sync::Arc;

use openflow::{
    Action, BundleAlgorithm, Controller, ErrorCode, Field, GroupId, HashFields, Instruction, LearnDst,
    LearnSrc, MeterId, Multipath, NatKind, NatRange, NatSpread, PortNo, Prereq, Subfield, ZoneSource,
};

use crate::conntrack::{Addr, Helper, Nat, Range, Request, Side};

use crate::field::{Place, place_of};
use crate::tlv::TlvTable;

/// A list of steps that levels of execution share.
pub(crate) type Steps = Arc<[Step]>;

/// One thing to do to a packet.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Output(PortNo),
    /// Only the first octets of it.
    OutputTrunc {
        port: PortNo,
        max_len: u32,
    },
    OutputField(Place),
    Set {
        dst: Place,
        value: u128,
        mask: u128,
    },
    Copy {
        src: Place,
        dst: Place,
    },
    Push(Place),
    Pop(Place),
    Resubmit {
        in_port: Option<PortNo>,
        table: Option<u8>,
        /// Looked up by the addresses and ports that the connection began with.
        with_ct: bool,
    },
    PushVlan(u16),
    PopVlan,
    /// To these controllers when no hop is left.
    DecTtl(Box<[u16]>),
    Clone(Steps),
    Ct(Arc<CtStep>),
    CtClear,
    Controller(Arc<Controller>),
    CheckLarger {
        length: u16,
        dst: Place,
    },
    Bundle(Arc<Bundle>),
    Group(GroupId),
    Meter(MeterId),
    Learn(Arc<LearnStep>),
    /// Seconds.
    FinTimeout {
        idle: u16,
        hard: u16,
    },
    /// `None`: the queue that the packet had when it came in.
    Queue(Option<u32>),
    Enqueue {
        port: PortNo,
        queue: u32,
    },
    Multipath {
        multipath: Multipath,
        dst: Place,
    },
    /// A tunnel option goes.
    DeleteOption(Place),
    Exit,
    /// Of the action set.
    ClearSet,
    WriteSet(Arc<[Action]>),
    Goto(u8),
    /// Something that is passed over, and counted as such.
    Skip(Skipped),
}

/// A `ct` action.
#[derive(Clone, Debug)]
pub(crate) struct CtStep {
    /// Without what is known of a packet only: zones of fields, marks and labels.
    pub request: Request,
    pub zone: Option<Place>,
    /// What writes mark and label.
    pub exec: Steps,
    pub table: Option<u8>,
}

/// A `learn` action.
#[derive(Clone, Debug)]
pub(crate) struct LearnStep {
    pub learn: openflow::Learn,
    /// Where the values of its specifications are read, in their order; `None` for constants.
    pub sources: Box<[Option<Place>]>,
    pub result: Option<Place>,
}

/// What is passed over without harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    Sample,
    /// Has no effect by its nature: notes, parts of conjunctions.
    Nothing,
}

/// A choice among ports.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    pub algorithm: BundleAlgorithm,
    pub fields: HashFields,
    pub basis: u16,
    pub members: Vec<PortNo>,
    pub dst: Option<Place>,
}

/// Instructions as one list in the order of their execution (OpenFlow 1.5.1 section 5.5).
///
/// # Errors
/// The code to answer with.
pub(crate) fn compile_instructions(
    instructions: &[Instruction],
    table: u8,
    tlv: &TlvTable,
) -> Result<Steps, ErrorCode> {
    let compiler = Compiler { tlv };
    let mut steps = Vec::new();
    for instruction in instructions {
        match instruction {
            Instruction::Meter(meter) => steps.push(Step::Meter(*meter)),
            Instruction::Apply(actions) => compiler.actions(actions, &mut steps)?,
            Instruction::ClearActions => steps.push(Step::ClearSet),
            Instruction::Write(actions) => {
                compiler.actions(actions, &mut Vec::new())?;
                steps.push(Step::WriteSet(actions.as_slice().into()));
            }
            Instruction::WriteMetadata { value, mask } => {
                let dst = compiler.whole(Field::Metadata)?;
                steps.push(Step::Set { dst, value: u128::from(*value), mask: u128::from(*mask) });
            }
            Instruction::GotoTable(next) if *next <= table => return Err(ErrorCode::BAD_INST_TABLE_ID),
            Instruction::GotoTable(next) => steps.push(Step::Goto(*next)),
        }
    }
    Ok(steps.into())
}

/// Actions as steps.
///
/// # Errors
/// The code to answer with.
pub(crate) fn compile_actions(actions: &[Action], tlv: &TlvTable) -> Result<Steps, ErrorCode> {
    let mut steps = Vec::with_capacity(actions.len());
    Compiler { tlv }.actions(actions, &mut steps)?;
    Ok(steps.into())
}

struct Compiler<'a> {
    tlv: &'a TlvTable,
}

impl Compiler<'_> {
    fn actions(&self, actions: &[Action], out: &mut Vec<Step>) -> Result<(), ErrorCode> {
        for action in actions {
            out.push(self.action(action)?);
        }
        Ok(())
    }

    fn action(&self, action: &Action) -> Result<Step, ErrorCode> {
        Ok(match action {
            // How much controllers want of a packet is about those that wait in a buffer, of which there are none here.
            Action::Output { port, max_len: _ } => Step::Output(output_port(*port)?),
            Action::OutputReg { src, max_len: _ } => Step::OutputField(self.readable(*src)?),
            Action::OutputTrunc { port, max_len } => {
                Step::OutputTrunc { port: output_port(*port)?, max_len: *max_len }
            }
            Action::Group(group) => Step::Group(*group),
            Action::SetQueue(queue) => Step::Queue(Some(*queue)),
            Action::PopQueue => Step::Queue(None),
            Action::Enqueue { port, queue } => Step::Enqueue { port: output_port(*port)?, queue: *queue },
            Action::PushVlan(tpid) => Step::PushVlan(*tpid),
            Action::PopVlan => Step::PopVlan,
            Action::SetField(set) => {
                let dst = self.writable(Subfield::whole(set.field))?;
                // A VLAN id comes with the bit that says that there is a tag (OpenFlow 1.5.1 section 7.2.5).
                let bare = set.field == Field::VlanVid && set.mask == dst.mask() && set.value & 0x1000 == 0;
                if bare || set.value & set.mask & !dst.mask() != 0 {
                    return Err(ErrorCode::BAD_SET_ARGUMENT);
                }
                Step::Set { dst, value: set.value, mask: set.mask & dst.mask() }
            }
            Action::CopyField { src, dst } => {
                Step::Copy { src: self.readable(*src)?, dst: self.writable(*dst)? }
            }
            Action::DecTtl { controllers } => Step::DecTtl(controllers.clone().unwrap_or_default().into()),
            Action::Push(src) => Step::Push(self.readable(*src)?),
            Action::Pop(dst) => Step::Pop(self.writable(*dst)?),
            Action::Resubmit { in_port, table, with_ct } => {
                Step::Resubmit { in_port: *in_port, table: *table, with_ct: *with_ct }
            }
            Action::Learn(learn) => Step::Learn(Arc::new(self.learn(learn)?)),
            Action::FinTimeout { idle, hard } => Step::FinTimeout { idle: *idle, hard: *hard },
            Action::Conjunction(_) | Action::Note(_) => Step::Skip(Skipped::Nothing),
            Action::Ct(ct) => Step::Ct(Arc::new(self.ct(ct)?)),
            Action::Nat(_) => return Err(ErrorCode::BAD_ARGUMENT),
            Action::CtClear => Step::CtClear,
            Action::Controller(controller) => Step::Controller(Arc::new(controller.clone())),
            Action::Clone(nested) => Step::Clone(compile_actions(nested, self.tlv)?),
            Action::CheckPktLarger { length, dst } => {
                Step::CheckLarger { length: *length, dst: self.writable(*dst)? }
            }
            Action::Sample(_) => Step::Skip(Skipped::Sample),
            Action::Bundle(bundle) => Step::Bundle(Arc::new(self.bundle(bundle)?)),
            Action::Meter(meter) => Step::Meter(*meter),
            Action::Exit => Step::Exit,
            Action::Multipath(multipath) => {
                Step::Multipath { multipath: *multipath, dst: self.writable(multipath.dst)? }
            }
            Action::DeleteField(field @ Field::TunMetadata(_)) => Step::DeleteOption(self.whole(*field)?),
            Action::DeleteField(_) => return Err(ErrorCode::BAD_SET_TYPE),
            // This switch does not change MPLS packets, and says so before a packet comes.
            Action::PushMpls(_) | Action::PopMpls(_) | Action::DecMplsTtl => {
                return Err(ErrorCode::BAD_ACTION_TYPE);
            }
        })
    }

    fn ct(&self, ct: &openflow::Ct) -> Result<CtStep, ErrorCode> {
        let (immediate, zone) = match ct.zone {
            ZoneSource::Immediate(zone) => (zone, None),
            ZoneSource::Field(field) => (0, Some(self.readable(field)?)),
        };
        let mut request = Request {
            zone: immediate,
            commit: ct.commit,
            force: ct.force,
            helper: Helper::from_port(ct.alg),
            ..Request::default()
        };
        let mut exec = Vec::new();
        for action in &ct.actions {
            match action {
                Action::Nat(nat) => request.nat = Some(nat_of(nat)),
                other => exec.push(self.action(other)?),
            }
        }
        Ok(CtStep { request, zone, exec: exec.into(), table: ct.table })
    }

    fn learn(&self, learn: &openflow::Learn) -> Result<LearnStep, ErrorCode> {
        let mut sources = Vec::with_capacity(learn.specs.len());
        for spec in &learn.specs {
            sources.push(match spec.src {
                LearnSrc::Field(src) => Some(self.readable(src)?),
                LearnSrc::Immediate(_) => None,
            });
            match spec.dst {
                LearnDst::Match(dst) => drop(self.readable(dst)?),
                LearnDst::Load(dst) => drop(self.writable(dst)?),
                LearnDst::Output => {}
            }
        }
        let result = learn.result.map(|dst| self.writable(dst)).transpose()?;
        Ok(LearnStep { learn: learn.clone(), sources: sources.into(), result })
    }

    fn bundle(&self, bundle: &openflow::Bundle) -> Result<Bundle, ErrorCode> {
        let dst = bundle.dst.map(|dst| self.writable(dst)).transpose()?;
        Ok(Bundle {
            algorithm: bundle.algorithm,
            fields: bundle.fields,
            basis: bundle.basis,
            members: bundle.members.clone(),
            dst,
        })
    }

    fn whole(&self, field: Field) -> Result<Place, ErrorCode> {
        self.readable(Subfield::whole(field))
    }

    fn readable(&self, sub: Subfield) -> Result<Place, ErrorCode> {
        place_of(sub, self.tlv).ok_or(ErrorCode::BAD_SET_TYPE)
    }

    fn writable(&self, sub: Subfield) -> Result<Place, ErrorCode> {
        if sub.field.access() == openflow::Access::ReadOnly {
            return Err(ErrorCode::BAD_SET_ARGUMENT);
        }
        let mut place = self.readable(sub)?;
        // A tag is made by writing into it, so that nothing need be there before.
        if matches!(sub.field, Field::VlanVid | Field::VlanTci | Field::VlanPcp) {
            place.prereq = Prereq::None;
        }
        Ok(place)
    }
}

fn nat_of(nat: &openflow::Nat) -> Nat {
    let range = match nat.range {
        NatRange::None => None,
        NatRange::V4 { min, max } => Some((min.into(), max.unwrap_or(min).into(), false)),
        NatRange::V6 { min, max } => Some((min.into(), max.unwrap_or(min).into(), true)),
    };
    let range: Option<(IpAddr, IpAddr, bool)> = range;
    Nat {
        side: match nat.kind {
            NatKind::Existing => None,
            NatKind::Src => Some(Side::Source),
            NatKind::Dst => Some(Side::Destination),
        },
        // All zeros: the packet's own address.
        range: range.filter(|(first, ..)| !first.is_unspecified()).map(|(first, last, v6)| Range {
            first: Addr::from_ip(first),
            last: Addr::from_ip(last),
            v6,
        }),
        ports: nat.ports.map(|(first, last)| (first, last.unwrap_or(first))),
        persistent: nat.persistent,
        random: nat.spread == NatSpread::Random,
    }
}

fn output_port(port: PortNo) -> Result<PortNo, ErrorCode> {
    match port {
        PortNo::ZERO | PortNo::ANY => Err(ErrorCode::BAD_OUT_PORT),
        port if port.0 > PortNo::MAX.0 && !port.is_reserved() => Err(ErrorCode::BAD_OUT_PORT),
        port => Ok(port),
    }
}

/// The groups that actions name, nested ones included.
pub(crate) fn groups_of(actions: &[Action]) -> Vec<GroupId> {
    let mut found = Vec::new();
    walk(actions, &mut |action| {
        if let Action::Group(group) = action {
            found.push(*group);
        }
    });
    found
}

/// The meters that packets of a flow pass, by action or by instruction. Those of packet-ins are not
/// among them: they need not be there.
pub(crate) fn meters_of(instructions: &[Instruction]) -> Vec<MeterId> {
    let mut found = Vec::new();
    for instruction in instructions {
        match instruction {
            Instruction::Meter(meter) => found.push(*meter),
            Instruction::Apply(actions) | Instruction::Write(actions) => meters_in(actions, &mut found),
            Instruction::ClearActions | Instruction::WriteMetadata { .. } | Instruction::GotoTable(_) => {}
        }
    }
    found
}

/// Adds the meters that actions name, nested ones included.
pub(crate) fn meters_in(actions: &[Action], found: &mut Vec<MeterId>) {
    walk(actions, &mut |action| {
        if let Action::Meter(meter) = action {
            found.push(*meter);
        }
    });
}

/// Calls `visit` for each action, also those inside others.
pub(crate) fn walk(actions: &[Action], visit: &mut dyn FnMut(&Action)) {
    for action in actions {
        visit(action);
        if let Action::Clone(nested) = action {
            walk(nested, visit);
        }
        if let Action::Ct(ct) = action {
            walk(&ct.actions, visit);
        }
    }
}
