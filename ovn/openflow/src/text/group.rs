//! Groups as `ovs-ofctl dump-groups` writes them.

use super::style::{Style, Styled};
use super::value::value_text;
use crate::{Bucket, GroupDesc, GroupId, GroupKind, PortNo, Version};
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
        write!(f, "{}", Style::default().of(self))
    }
}

impl fmt::Display for Styled<'_, GroupDesc> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let desc = self.value;
        write!(f, "group_id={},type={}", desc.group.0, desc.kind)?;
        if let Some(selection) = &desc.selection {
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
                            format!("{field}={}", value_text(*field, *mask))
                        }
                    };
                    write!(f, ",fields({})", fields.iter().map(one).collect::<Vec<_>>().join(","))?;
                }
            }
        }
        for bucket in &desc.buckets {
            write_bucket(f, desc.kind, bucket, &self.style)?;
        }
        Ok(())
    }
}

fn write_bucket(
    f: &mut fmt::Formatter<'_>,
    kind: GroupKind,
    bucket: &Bucket,
    style: &Style<'_>,
) -> fmt::Result {
    f.write_str(",bucket=")?;
    // OpenFlow 1.3 and 1.4 do not know of bucket ids.
    if !matches!(style.version, Some(Version::Of13 | Version::Of14)) {
        write!(f, "bucket_id:{},", bucket.id.0)?;
    }
    if kind == GroupKind::Select && bucket.weight != 1 {
        write!(f, "weight:{},", bucket.weight)?;
    }
    if bucket.watch_port != PortNo::ANY {
        write!(f, "watch_port:{},", style.port(bucket.watch_port))?;
    }
    if bucket.watch_group != GroupId::ANY {
        write!(f, "watch_group:{},", bucket.watch_group.0)?;
    }
    write!(f, "actions={}", style.of(bucket.actions.as_slice()))
}
