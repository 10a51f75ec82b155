//! `bfd/show`, `bfd/set-forwarding`: sessions that watch over ports.

use std::time::Instant;

use crate::switch::Switch;

/// One session, or all.
pub(super) fn show(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let sessions = switch.bfd_sessions();
    let shown = |id| switch.bfd.get(id).map(|session| session.show(now)).unwrap_or_default();
    match args.first() {
        Some(name) => {
            let (_, id) = sessions.iter().find(|(other, _)| other == name).ok_or("no such bfd object")?;
            Ok(shown(id))
        }
        None => Ok(sessions.iter().map(|(name, id)| format!("---- {name} ----\n{}", shown(id))).collect()),
    }
}

/// Has one session, or all, say that packets get through or not, whatever was found.
pub(super) fn set_forwarding(switch: &mut Switch, args: &[&str], now: Instant) -> Result<String, String> {
    let forwarding = match args.last() {
        Some(&"normal") => None,
        Some(&"true") => Some(true),
        Some(&"false") => Some(false),
        Some(_) | None => return Err("unknown argument".to_owned()),
    };
    let mut sessions = switch.bfd_sessions();
    if let [name, _] = args {
        sessions.retain(|(other, _)| other == name);
        if sessions.is_empty() {
            return Err("no such BFD object".to_owned());
        }
    }
    for (_, id) in sessions {
        if let Some(session) = switch.bfd.get_mut(&id) {
            session.force(forwarding);
        }
        switch.note_bfd(id, now);
    }
    Ok("OK\n".to_owned())
}
