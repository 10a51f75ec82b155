//! Counts of events that explain where packets went, shown by `coverage/show`.

/// Defines the events once: variant, name in text, meaning.
macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// Something that happens to packets and is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event {
            $($(#[$doc])* $variant,)*
        }

        impl Event {
            /// All events, in the order of their text.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in text.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

events! {
    /// A packet was found in the exact-match cache.
    ExactHit => "datapath_exact_hit",
    /// A packet was found among the megaflows.
    MegaflowHit => "datapath_megaflow_hit",
    /// A packet was translated through the flow tables.
    Upcall => "datapath_upcall",
    /// A megaflow was made.
    MegaflowAdd => "datapath_megaflow_add",
    /// A megaflow was thrown out because there was no room.
    MegaflowEvict => "datapath_megaflow_evict",
    /// A megaflow was found to be out of date and translated again.
    MegaflowStale => "datapath_megaflow_stale",
    /// A packet came in by a port that does not exist (any more).
    DropNoPort => "drop_no_port",
    /// Translation gave no output.
    DropNoOutput => "drop_no_output",
    /// Nested too deep.
    DropRecursion => "drop_recursion_too_deep",
    /// Resubmitted too often.
    DropResubmits => "drop_too_many_resubmits",
    /// The stack of `push` grew too large.
    DropStack => "drop_stack_too_deep",
    /// The translation came to too many actions.
    DropProgram => "drop_too_many_actions",
    /// Sent through the tables again too often, or with too many different states.
    DropRecirc => "drop_recirculation_limit",
    /// A packet went through the tables again.
    Recirculated => "datapath_recirculated",
    /// Actions that were executable when their flow was added and are no longer; the packet is dropped.
    DropNotExecuted => "drop_action_not_executed",
    /// A flow was made by a `learn` action.
    Learned => "flow_learned",
    /// A `sample` action was passed over.
    SampleSkipped => "sample_not_executed",
    /// A packet came in by a port that sends too much.
    DropPolicing => "drop_ingress_policing",
    /// A packet exceeded a meter.
    DropMeter => "drop_meter",
    /// Output to a port that is not there or forbids it.
    DropPort => "drop_output_port",
    /// NORMAL: the packet may not enter by this port, or must not be forwarded.
    DropNormal => "drop_normal",
    /// Sending into a tunnel without a remote address.
    DropTunnelRemote => "drop_tunnel_no_remote",
    /// A tunnel packet that no port is for.
    DropTunnelPort => "drop_tunnel_no_port",
    /// A tunnel packet that is malformed or has a critical option nobody knows.
    DropTunnelHeader => "drop_tunnel_malformed",
    /// A tunnel packet met congestion, and the packet in it cannot say so (RFC 6040 section 4.2).
    DropTunnelEcn => "drop_tunnel_congestion",
    /// A frame that its sender left to be cut has not got the headers for that.
    DropSegments => "drop_segments_malformed",
    /// A packet was larger than its port takes and left in fragments.
    Fragmented => "output_fragmented",
    /// A packet was larger than its port takes and could not leave.
    DropOversize => "drop_larger_than_mtu",
    /// Of these, one whose sender was told the size that fits.
    OversizeAnswered => "larger_than_mtu_answered",
    /// The host refused a packet that was to leave.
    DropSend => "drop_send_failed",
    /// A packet for a controller, but no connection takes packets, or its queue is full.
    PacketInDrop => "packet_in_drop",
    /// A packet sent to a controller.
    PacketIn => "packet_in",
    /// A packet from a controller.
    PacketOut => "packet_out",
    /// A paused packet that a controller resumed.
    Resume => "packet_resume",
    /// A paused packet that was forgotten because too many wait.
    ResumeForgotten => "packet_resume_forgotten",
    /// A flow table was changed.
    FlowMod => "flow_mod",
}

/// How often each event happened.
#[derive(Clone, Debug)]
pub struct Counters([u64; Event::ALL.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; Event::ALL.len()])
    }
}

impl Counters {
    /// One more.
    pub(crate) fn count(&mut self, event: Event) {
        self.add(event, 1);
    }

    /// So many more.
    pub(crate) fn add(&mut self, event: Event, times: u64) {
        self.0[event as usize] += times;
    }

    /// How often.
    pub fn get(&self, event: Event) -> u64 {
        self.0[event as usize]
    }
}
