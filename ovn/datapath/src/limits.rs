//! Every bound of the switch in one place, and what happens at it.

use std::time::Duration;

/// Resubmits to the same or an earlier table, outputs to patch ports and groups that may be nested.
/// Beyond it the packet is dropped and counted, as in Open vSwitch.
pub(crate) const DEPTH_MAX: u16 = 64;
/// Resubmits in one translation, nested or not. Beyond it the packet is dropped and counted.
pub(crate) const RESUBMITS_MAX: u32 = 4096;
/// Copies of the translation state that `clone` and patch ports keep at one time.
pub(crate) const CLONES_MAX: usize = 256;
/// Octets that `push` may hold. Beyond it the packet is dropped and counted.
pub(crate) const STACK_LEN_MAX: usize = 65_536;
/// Actions on frames that one translation may come to. Beyond it the packet is dropped and counted.
pub(crate) const PROGRAM_LEN_MAX: usize = 32_768;

/// Megaflows kept. A further one takes the place of one that was not used for longest.
pub(crate) const MEGAFLOWS_MAX: usize = 65_536;
/// Different masks among megaflows. A further one drops the least used mask with its megaflows, so
/// that crafted packets cannot make every lookup walk ever more masks (CVE-2019-25076).
pub(crate) const MEGAFLOW_MASKS_MAX: usize = 128;
/// A megaflow not used for so long goes.
pub(crate) const MEGAFLOW_IDLE: Duration = Duration::from_secs(10);
/// Places for packets known exactly; a power of two. A new one takes the place of the one before it.
pub(crate) const EXACT_PLACES: usize = 4096;
/// Passes through the tables that are remembered of each of them; later ones are looked up.
pub(crate) const WAY_LEN_MAX: usize = 8;

/// States that packets bring along to go through the tables again. Beyond it the packet is dropped
/// and counted.
pub(crate) const RECIRCS_MAX: usize = 65_536;
/// How often one packet may go through the tables again, one time after the other. Beyond it it is
/// dropped and counted.
pub(crate) const RECIRC_DEPTH_MAX: u8 = 32;
/// Copies of one packet that may go through the tables again. Beyond it they are dropped and counted.
pub(crate) const RECIRC_COPIES_MAX: u32 = 4096;

/// Answers to packets that were too large that wait, those to one batch of frames. Beyond it packets are dropped
/// without.
pub(crate) const ANSWERS_MAX: usize = 8;

/// Flows in one table; `FLOW_TABLE_FULL` is answered beyond it.
pub(crate) const FLOWS_PER_TABLE_MAX: u32 = 1_000_000;
/// Buckets in one group; `OUT_OF_BUCKETS` is answered beyond it.
pub(crate) const BUCKETS_MAX: usize = 1024;
/// Groups that watch groups, one after the other. Beyond it the last one counts as dead. A group that
/// watches itself by several buckets asks each of them, so this is small.
pub(crate) const LIVENESS_DEPTH_MAX: u8 = 8;
/// Meters of one bridge; `OUT_OF_METERS` is answered beyond it. Their numbers go up to this too.
pub(crate) const METERS_MAX: u32 = 0x0004_0000;
/// Bands of one meter; `OUT_OF_BANDS` is answered beyond it.
pub(crate) const BANDS_MAX: usize = 8;
/// Packets that wait for a controller to resume them. A further one makes the oldest stale.
pub(crate) const PAUSED_MAX: usize = 4096;
/// MAC addresses that one bridge learns; a new one takes the place of the oldest.
pub(crate) const FDB_MAX: usize = 8192;
/// A learned MAC address is forgotten after so long without a packet from it.
pub(crate) const FDB_AGE: Duration = Duration::from_secs(300);

/// Messages in an open bundle; `BUNDLE_MSG_TOO_MANY` is answered beyond it.
pub(crate) const BUNDLE_MESSAGES_MAX: usize = 4_000_000;
/// Bundles open on one connection; `OUT_OF_BUNDLES` is answered beyond it.
pub(crate) const BUNDLES_MAX: usize = 16;
/// Octets that may wait to be sent on one connection before packets for it are dropped and counted.
pub(crate) const TX_PACKETS_MAX: usize = 4 << 20;
/// Octets that may wait on one connection before it is closed: its peer does not read.
pub(crate) const TX_MAX: usize = 256 << 20;
/// Flow monitors of one connection; `MONITOR_UNKNOWN` is answered beyond it.
pub(crate) const MONITORS_MAX: usize = 1024;
/// Octets that may wait on one connection while flow monitors are told of every change. Beyond it they pause.
pub(crate) const TX_MONITORS_MAX: usize = 128 << 10;
/// A silent connection is asked for a sign of life after so long, and closed after as long again.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_secs(60);
