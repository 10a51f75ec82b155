//! What went wrong with a message.

use crate::field::vendor;
use std::fmt;

/// The type and code of an error, with the vendor if it is an experimenter's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode {
    /// 0xffff for experimenters' errors (0xb0c2 in OpenFlow 1.0).
    pub kind: u16,
    pub code: u16,
    /// Only with kind 0xffff, else zero.
    pub vendor: u32,
}

/// An error message: the code and the first octets of what caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorMessage {
    pub code: ErrorCode,
    pub data: Vec<u8>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident ($kind:literal, $code:literal $(, $vendor:expr)?);)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self { kind: $kind, code: $code, vendor: codes!(@vendor $($vendor)?) };)*

            /// The name of the code in the specification, if it has one here.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
    (@vendor) => { 0 };
    (@vendor $vendor:expr) => { $vendor };
}

codes! {
    HELLO_INCOMPATIBLE (0, 0);
    BAD_VERSION (1, 0);
    BAD_TYPE (1, 1);
    BAD_MULTIPART (1, 2);
    BAD_EXPERIMENTER (1, 3);
    BAD_EXP_TYPE (1, 4);
    EPERM (1, 5);
    BAD_LEN (1, 6);
    BUFFER_UNKNOWN (1, 8);
    BAD_TABLE_ID (1, 9);
    IS_SECONDARY (1, 10);
    BAD_PORT (1, 11);
    BAD_PACKET (1, 12);
    BAD_ACTION_TYPE (2, 0);
    BAD_ACTION_LEN (2, 1);
    BAD_ACTION_EXPERIMENTER (2, 2);
    BAD_ACTION_EXP_TYPE (2, 3);
    BAD_OUT_PORT (2, 4);
    BAD_ARGUMENT (2, 5);
    TOO_MANY_ACTIONS (2, 7);
    BAD_OUT_GROUP (2, 9);
    MATCH_INCONSISTENT (2, 10);
    BAD_SET_TYPE (2, 13);
    BAD_SET_LEN (2, 14);
    BAD_SET_ARGUMENT (2, 15);
    BAD_SET_MASK (2, 16);
    UNKNOWN_INST (3, 0);
    UNSUP_INST (3, 1);
    BAD_INST_TABLE_ID (3, 2);
    BAD_INST_EXPERIMENTER (3, 5);
    BAD_INST_LEN (3, 7);
    DUP_INST (3, 9);
    BAD_MATCH_TYPE (4, 0);
    BAD_MATCH_LEN (4, 1);
    BAD_WILDCARDS (4, 5);
    BAD_FIELD (4, 6);
    BAD_VALUE (4, 7);
    BAD_MASK (4, 8);
    BAD_PREREQ (4, 9);
    DUP_FIELD (4, 10);
    FLOW_TABLE_FULL (5, 1);
    FLOW_BAD_TABLE_ID (5, 2);
    OVERLAP (5, 3);
    FLOW_BAD_COMMAND (5, 6);
    FLOW_BAD_FLAGS (5, 7);
    GROUP_EXISTS (6, 0);
    INVALID_GROUP (6, 1);
    OUT_OF_GROUPS (6, 3);
    OUT_OF_BUCKETS (6, 4);
    GROUP_LOOP (6, 7);
    UNKNOWN_GROUP (6, 8);
    GROUP_BAD_TYPE (6, 10);
    GROUP_BAD_COMMAND (6, 11);
    GROUP_BAD_BUCKET (6, 12);
    UNKNOWN_BUCKET (6, 15);
    BUCKET_EXISTS (6, 16);
    PORT_MOD_BAD_PORT (7, 0);
    PORT_MOD_BAD_HW_ADDR (7, 1);
    QUEUE_BAD_PORT (9, 0);
    QUEUE_BAD_QUEUE (9, 1);
    STALE_ROLE (11, 0);
    BAD_ROLE (11, 2);
    INVALID_METER (12, 1);
    METER_EXISTS (12, 2);
    UNKNOWN_METER (12, 3);
    METER_BAD_COMMAND (12, 4);
    METER_BAD_FLAGS (12, 5);
    METER_BAD_RATE (12, 6);
    METER_BAD_BAND (12, 8);
    OUT_OF_METERS (12, 10);
    OUT_OF_BANDS (12, 11);
    TABLE_FEATURES_EPERM (13, 5);
    BAD_PROP_TYPE (14, 0);
    BAD_PROP_LEN (14, 1);
    BAD_PROP_VALUE (14, 2);
    ASYNC_INVALID (15, 0);
    ASYNC_UNSUPPORTED (15, 1);
    MONITOR_UNKNOWN (16, 0);
    MONITOR_EXISTS (16, 1);
    UNKNOWN_MONITOR (16, 3);
    MONITOR_BAD_COMMAND (16, 4);
    MONITOR_BAD_FLAGS (16, 5);
    BUNDLE_UNKNOWN (17, 0);
    BUNDLE_EPERM (17, 1);
    BUNDLE_BAD_ID (17, 2);
    BUNDLE_EXISTS (17, 3);
    BUNDLE_CLOSED (17, 4);
    OUT_OF_BUNDLES (17, 5);
    BUNDLE_BAD_TYPE (17, 6);
    BUNDLE_BAD_FLAGS (17, 7);
    BUNDLE_MSG_BAD_LEN (17, 8);
    BUNDLE_MSG_BAD_XID (17, 9);
    BUNDLE_MSG_UNSUP (17, 10);
    BUNDLE_MSG_CONFLICT (17, 11);
    BUNDLE_MSG_TOO_MANY (17, 12);
    BUNDLE_MSG_FAILED (17, 13);
    NXM_INVALID (0xffff, 2, vendor::NX);
    NXM_BAD_TYPE (0xffff, 3, vendor::NX);
    MUST_BE_ZERO (0xffff, 4, vendor::NX);
    TLV_BAD_COMMAND (0xffff, 16, vendor::NX);
    TLV_BAD_OPTION_LEN (0xffff, 17, vendor::NX);
    TLV_BAD_FIELD_INDEX (0xffff, 18, vendor::NX);
    TLV_TABLE_FULL (0xffff, 19, vendor::NX);
    TLV_ALREADY_MAPPED (0xffff, 20, vendor::NX);
    TLV_DUP_ENTRY (0xffff, 21, vendor::NX);
    RESUME_NOT_SUPPORTED (0xffff, 34, vendor::NX);
    RESUME_STALE (0xffff, 35, vendor::NX);
    TLV_INVALID_DELETE (0xffff, 38, vendor::NX);
}

/// The name, or the numbers.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "error type {} code {} vendor {:#x}", self.kind, self.code, self.vendor),
        }
    }
}
