//! Errors, by the names that upstream has for them.

use super::super::style::Style;
use crate::{ErrorCode, ErrorMessage, Message, Version};

/// Where the name is not that of [`ErrorCode::name`] behind the prefix of its type.
const OTHERWISE: &[(ErrorCode, &str)] = &[
    (ErrorCode::HELLO_INCOMPATIBLE, "OFPHFC_INCOMPATIBLE"),
    (ErrorCode::BAD_MULTIPART, "OFPBRC_BAD_STAT"),
    (ErrorCode::BAD_EXPERIMENTER, "OFPBRC_BAD_VENDOR"),
    (ErrorCode::BAD_EXP_TYPE, "OFPBRC_BAD_SUBTYPE"),
    (ErrorCode::BAD_ACTION_TYPE, "OFPBAC_BAD_TYPE"),
    (ErrorCode::BAD_ACTION_LEN, "OFPBAC_BAD_LEN"),
    (ErrorCode::BAD_ACTION_EXPERIMENTER, "OFPBAC_BAD_EXPERIMENTER"),
    (ErrorCode::BAD_ACTION_EXP_TYPE, "OFPBAC_BAD_EXP_TYPE"),
    (ErrorCode::TOO_MANY_ACTIONS, "OFPBAC_TOO_MANY"),
    (ErrorCode::BAD_INST_TABLE_ID, "OFPBIC_BAD_TABLE_ID"),
    (ErrorCode::BAD_INST_EXPERIMENTER, "OFPBIC_BAD_EXPERIMENTER"),
    (ErrorCode::BAD_INST_LEN, "OFPBIC_BAD_LEN"),
    (ErrorCode::BAD_MATCH_TYPE, "OFPBMC_BAD_TYPE"),
    (ErrorCode::BAD_MATCH_LEN, "OFPBMC_BAD_LEN"),
    (ErrorCode::FLOW_TABLE_FULL, "OFPFMFC_TABLE_FULL"),
    (ErrorCode::FLOW_BAD_TABLE_ID, "OFPFMFC_BAD_TABLE_ID"),
    (ErrorCode::FLOW_BAD_COMMAND, "OFPFMFC_BAD_COMMAND"),
    (ErrorCode::FLOW_BAD_FLAGS, "OFPFMFC_BAD_FLAGS"),
    (ErrorCode::GROUP_LOOP, "OFPGMFC_LOOP"),
    (ErrorCode::GROUP_BAD_TYPE, "OFPGMFC_BAD_TYPE"),
    (ErrorCode::GROUP_BAD_COMMAND, "OFPGMFC_BAD_COMMAND"),
    (ErrorCode::GROUP_BAD_BUCKET, "OFPGMFC_BAD_BUCKET"),
    (ErrorCode::PORT_MOD_BAD_PORT, "OFPPMFC_BAD_PORT"),
    (ErrorCode::PORT_MOD_BAD_HW_ADDR, "OFPPMFC_BAD_HW_ADDR"),
    (ErrorCode::QUEUE_BAD_PORT, "OFPQOFC_BAD_PORT"),
    (ErrorCode::QUEUE_BAD_QUEUE, "OFPQOFC_BAD_QUEUE"),
    (ErrorCode::STALE_ROLE, "OFPRRFC_STALE"),
    (ErrorCode::METER_BAD_COMMAND, "OFPMMFC_BAD_COMMAND"),
    (ErrorCode::METER_BAD_FLAGS, "OFPMMFC_BAD_FLAGS"),
    (ErrorCode::METER_BAD_RATE, "OFPMMFC_BAD_RATE"),
    (ErrorCode::METER_BAD_BAND, "OFPMMFC_BAD_BAND"),
    (ErrorCode::TABLE_FEATURES_EPERM, "OFPTFFC_EPERM"),
    (ErrorCode::BAD_PROP_TYPE, "OFPBPC_BAD_TYPE"),
    (ErrorCode::BAD_PROP_LEN, "OFPBPC_BAD_LEN"),
    (ErrorCode::BAD_PROP_VALUE, "OFPBPC_BAD_VALUE"),
    (ErrorCode::IS_SECONDARY, "OFPBRC_IS_SECONDARY"),
    (ErrorCode::ASYNC_INVALID, "OFPACFC_INVALID"),
    (ErrorCode::ASYNC_UNSUPPORTED, "OFPACFC_UNSUPPORTED"),
    (ErrorCode::MONITOR_UNKNOWN, "OFPMOFC_UNKNOWN"),
    (ErrorCode::MONITOR_BAD_COMMAND, "OFPMOFC_BAD_COMMAND"),
    (ErrorCode::MONITOR_BAD_FLAGS, "OFPMOFC_BAD_FLAGS"),
    (ErrorCode::BUNDLE_UNKNOWN, "OFPBFC_UNKNOWN"),
    (ErrorCode::BUNDLE_EPERM, "OFPBFC_EPERM"),
    (ErrorCode::BUNDLE_BAD_ID, "OFPBFC_BAD_ID"),
    (ErrorCode::BUNDLE_EXISTS, "OFPBFC_BUNDLE_EXIST"),
    (ErrorCode::BUNDLE_BAD_TYPE, "OFPBFC_BAD_TYPE"),
    (ErrorCode::BUNDLE_BAD_FLAGS, "OFPBFC_BAD_FLAGS"),
    (ErrorCode::BUNDLE_MSG_BAD_LEN, "OFPBFC_MSG_BAD_LEN"),
    (ErrorCode::BUNDLE_MSG_BAD_XID, "OFPBFC_MSG_BAD_XID"),
    (ErrorCode::BUNDLE_MSG_UNSUP, "OFPBFC_MSG_UNSUP"),
    (ErrorCode::BUNDLE_MSG_CONFLICT, "OFPBFC_MSG_CONFLICT"),
    (ErrorCode::BUNDLE_MSG_TOO_MANY, "OFPBFC_MSG_TOO_MANY"),
    (ErrorCode::BUNDLE_MSG_FAILED, "OFPBFC_MSG_FAILED"),
    (ErrorCode::NXM_INVALID, "NXBRC_NXM_INVALID"),
    (ErrorCode::NXM_BAD_TYPE, "NXBRC_NXM_BAD_TYPE"),
    (ErrorCode::MUST_BE_ZERO, "NXBRC_MUST_BE_ZERO"),
    (ErrorCode::TLV_BAD_COMMAND, "NXTTMFC_BAD_COMMAND"),
    (ErrorCode::TLV_BAD_OPTION_LEN, "NXTTMFC_BAD_OPT_LEN"),
    (ErrorCode::TLV_BAD_FIELD_INDEX, "NXTTMFC_BAD_FIELD_IDX"),
    (ErrorCode::TLV_TABLE_FULL, "NXTTMFC_TABLE_FULL"),
    (ErrorCode::TLV_ALREADY_MAPPED, "NXTTMFC_ALREADY_MAPPED"),
    (ErrorCode::TLV_DUP_ENTRY, "NXTTMFC_DUP_ENTRY"),
    (ErrorCode::TLV_INVALID_DELETE, "NXTTMFC_INVALID_TLV_DEL"),
    (ErrorCode::RESUME_NOT_SUPPORTED, "NXR_NOT_SUPPORTED"),
    (ErrorCode::RESUME_STALE, "NXR_STALE"),
];

/// Prefixes by the type of error.
const PREFIXES: [(u16, &str); 18] = [
    (0, "OFPHFC"),
    (1, "OFPBRC"),
    (2, "OFPBAC"),
    (3, "OFPBIC"),
    (4, "OFPBMC"),
    (5, "OFPFMFC"),
    (6, "OFPGMFC"),
    (7, "OFPPMFC"),
    (8, "OFPTMFC"),
    (9, "OFPQOFC"),
    (10, "OFPSCFC"),
    (11, "OFPRRFC"),
    (12, "OFPMMFC"),
    (13, "OFPTFFC"),
    (14, "OFPBPC"),
    (15, "OFPACFC"),
    (16, "OFPMOFC"),
    (17, "OFPBFC"),
];

impl ErrorCode {
    /// The name that upstream's tools print.
    pub fn upstream_name(self) -> String {
        if let Some((_, name)) = OTHERWISE.iter().find(|(code, _)| *code == self) {
            return (*name).to_owned();
        }
        let prefix = PREFIXES.iter().find(|(kind, _)| *kind == self.kind && self.vendor == 0);
        match (prefix, self.name()) {
            (Some((_, prefix)), Some(name)) => format!("{prefix}_{name}"),
            _ => self.to_string(),
        }
    }
}

pub(super) fn text(m: &ErrorMessage, version: Version, style: Style<'_>) -> String {
    let name = m.code.upstream_name();
    let about = match Message::decode(version, &m.data) {
        _ if m.data.is_empty() => String::new(),
        Ok(message) => message.text(version, style),
        Err(_) => hex_dump(&m.data),
    };
    format!(" {name}\n{about}")
}

/// Octets in hexadecimal, 16 a line, with the characters that they may be.
pub(super) fn hex_dump(octets: &[u8]) -> String {
    let mut text = String::new();
    for (n, line) in octets.chunks(16).enumerate() {
        text += &format!("{:08x} ", n * 16);
        for at in 0..16 {
            let gap = if at == 8 { '-' } else { ' ' };
            text += &line.get(at).map_or("   ".to_owned(), |octet| format!("{gap}{octet:02x}"));
        }
        let printable = |octet: &u8| if (0x20..0x7f).contains(octet) { char::from(*octet) } else { '.' };
        text += &format!(" |{:<16}|\n", line.iter().map(printable).collect::<String>());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_upstreams_names() {
        assert_eq!(ErrorCode::UNKNOWN_METER.upstream_name(), "OFPMMFC_UNKNOWN_METER");
        assert_eq!(ErrorCode::BAD_OUT_GROUP.upstream_name(), "OFPBAC_BAD_OUT_GROUP");
        assert_eq!(ErrorCode::TLV_DUP_ENTRY.upstream_name(), "NXTTMFC_DUP_ENTRY");
        let unknown = ErrorCode { kind: 99, code: 1, vendor: 0 };
        assert_eq!(unknown.upstream_name(), "error type 99 code 1 vendor 0x0");
    }

    #[test]
    fn octets_are_shown_in_lines_of_sixteen() {
        insta::assert_snapshot!(hex_dump(&[0, 1, 2, 3, 4, b'A']), @"00000000  00 01 02 03 04 41                               |.....A          |");
    }
}
