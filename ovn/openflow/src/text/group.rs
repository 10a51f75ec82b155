//! Groups as `ovs-ofctl dump-groups` writes them.

use super::action::Actions;
use super::value::hex_text;
use crate::{Bucket, GroupDesc, GroupId, GroupKind, PortNo};
use std::fmt;

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Select => "select",
            Self::Indirect => "indirect",
            Self::FastFailover => "ff",
        })
    }
}

impl fmt::Display for GroupDesc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group_id={},type={}", self.group.0, self.kind)?;
        if let Some(selection) = &self.selection {
            write!(f, ",selection_method={}", selection.method)?;
            if selection.param != 0 {
                write!(f, ",selection_method_param={}", selection.param)?;
            }
            match selection.fields.as_slice() {
                [] => {}
                [(field, mask)] if *mask == field.full_mask() => write!(f, ",fields={field}")?,
                fields => {
                    let one = |(field, mask): &(crate::Field, u128)| {
                        if *mask == field.full_mask() {
                            field.to_string()
                        } else {
                            format!("{field}={}", hex_text(*mask))
                        }
                    };
                    write!(f, ",fields({})", fields.iter().map(one).collect::<Vec<_>>().join(","))?;
                }
            }
        }
        for bucket in &self.buckets {
            write_bucket(f, self.kind, bucket)?;
        }
        Ok(())
    }
}

fn write_bucket(f: &mut fmt::Formatter<'_>, kind: GroupKind, bucket: &Bucket) -> fmt::Result {
    write!(f, ",bucket=bucket_id:{}", bucket.id.0)?;
    if kind == GroupKind::Select && bucket.weight != 1 {
        write!(f, ",weight:{}", bucket.weight)?;
    }
    if bucket.watch_port != PortNo::ANY {
        write!(f, ",watch_port:{}", bucket.watch_port)?;
    }
    if bucket.watch_group != GroupId::ANY {
        write!(f, ",watch_group:{}", bucket.watch_group.0)?;
    }
    write!(f, ",actions={}", Actions(&bucket.actions))
}
