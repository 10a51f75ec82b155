//! Which module logs at which level to which destination, and in which pattern.

use std::collections::BTreeMap;
use std::fmt;

/// Severity, in upstream's names. `Off` admits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is logged.
    Off,
    /// The process cannot go on.
    Emer,
    /// A failure that somebody should look at.
    Err,
    /// Something that may be wrong.
    Warn,
    /// What an operator wants to see.
    Info,
    /// What a developer wants to see.
    Dbg,
}

impl Level {
    /// All levels, least talkative first.
    pub const ALL: [Self; 6] = [Self::Off, Self::Emer, Self::Err, Self::Warn, Self::Info, Self::Dbg];

    /// The name in log lines: `INFO`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Emer => "EMER",
            Self::Err => "ERR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Dbg => "DBG",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

/// Where a line can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// The system log, by `/dev/log`.
    Syslog,
    /// Standard error.
    Console,
    /// The log file.
    File,
}

impl Destination {
    /// All destinations, in the order of `vlog/list`.
    pub const ALL: [Self; 3] = [Self::Syslog, Self::Console, Self::File];

    /// The name in specifications.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Console => "console",
            Self::File => "file",
        }
    }

    fn default_pattern(self) -> &'static str {
        match self {
            Self::Syslog => "ovs|%05N|%c%T|%p|%m",
            Self::Console => "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m",
            Self::File => "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
        }
    }
}

/// A `-v` or `vlog/set` argument that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError(pub String);

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SpecError {}

/// Levels by destination, for one module.
pub type Levels = [Level; 3];

/// The whole configuration of logging.
#[derive(Clone, Debug)]
pub struct State {
    /// What modules log at that nobody set by name.
    any: Levels,
    /// Modules set by name, and those that logged something.
    modules: BTreeMap<String, Levels>,
    patterns: [String; 3],
}

impl Default for State {
    fn default() -> Self {
        Self {
            any: [Level::Info; 3],
            modules: BTreeMap::new(),
            patterns: Destination::ALL.map(|destination| destination.default_pattern().to_owned()),
        }
    }
}

impl State {
    /// The levels of `module`.
    pub fn levels(&self, module: &str) -> Levels {
        self.modules.get(module).copied().unwrap_or(self.any)
    }

    /// The most talkative level anywhere: what is cheaper than this is not even looked at.
    pub fn most_talkative(&self) -> Level {
        let named = self.modules.values().flatten().copied().max().unwrap_or(Level::Off);
        self.any.into_iter().max().unwrap_or(Level::Off).max(named)
    }

    /// The pattern of `destination`.
    pub fn pattern(&self, destination: Destination) -> &str {
        &self.patterns[destination as usize]
    }

    /// Applies one specification: words that are modules, destinations and levels in any order, or `PATTERN:DEST:TEXT`.
    ///
    /// # Errors
    /// A word that is none of these; nothing is changed then.
    pub fn set(&mut self, spec: &str) -> Result<(), SpecError> {
        if let Some(rest) = spec.strip_prefix("PATTERN:").or_else(|| spec.strip_prefix("pattern:")) {
            return self.set_pattern(rest);
        }
        if spec.starts_with("FACILITY:") || spec.starts_with("facility:") {
            return Ok(());
        }
        let (mut module, mut destination, mut level) = (None, None, None);
        for word in spec.split([' ', ',', ':', '\t']).filter(|word| !word.is_empty()) {
            if let Some(found) = Level::from_name(word) {
                if level.replace(found).is_some() {
                    return Err(SpecError("cannot specify multiple levels".to_owned()));
                }
            } else if word.eq_ignore_ascii_case("any") || word.eq_ignore_ascii_case("all") {
            } else if let Some(found) =
                Destination::ALL.into_iter().find(|one| one.name().eq_ignore_ascii_case(word))
            {
                if destination.replace(found).is_some() {
                    return Err(SpecError("cannot specify multiple destinations".to_owned()));
                }
            } else if !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(SpecError(format!("no destination, level, or module \"{word}\"")));
            } else if module.replace(word.to_ascii_lowercase()).is_some() {
                return Err(SpecError("cannot specify multiple modules".to_owned()));
            }
        }
        self.apply(module, destination, level.unwrap_or(Level::Dbg));
        Ok(())
    }

    /// The text of `vlog/list`.
    pub fn list(&self) -> String {
        let mut text = String::from(
            "                 console    syslog    file\n                 -------    ------    ------\n",
        );
        let mut line = |name: &str, levels: Levels| {
            let [syslog, console, file] = levels.map(Level::name);
            text.push_str(&format!("{name:<16}  {console:>4}       {syslog:>4}       {file:>4}\n"));
        };
        line("ANY", self.any);
        for (name, levels) in &self.modules {
            line(name, *levels);
        }
        text
    }

    /// The text of `vlog/list-pattern`.
    pub fn list_patterns(&self) -> String {
        let mut text = String::from(
            "         prefix                            format\n         ------                            ------\n",
        );
        for destination in Destination::ALL {
            let name = destination.name().to_ascii_uppercase();
            text.push_str(&format!("{name:<7}  {:<32}  {}\n", "none", self.pattern(destination)));
        }
        text
    }

    /// Remembers that `module` exists, so that `vlog/list` shows it.
    pub fn saw(&mut self, module: &str) {
        if !self.modules.contains_key(module) {
            self.modules.insert(module.to_owned(), self.any);
        }
    }

    fn apply(&mut self, module: Option<String>, destination: Option<Destination>, level: Level) {
        let set = |levels: &mut Levels| match destination {
            Some(one) => levels[one as usize] = level,
            None => *levels = [level; 3],
        };
        match module {
            Some(name) => set(self.modules.entry(name).or_insert(self.any)),
            None => {
                set(&mut self.any);
                self.modules.values_mut().for_each(set);
            }
        }
    }

    fn set_pattern(&mut self, rest: &str) -> Result<(), SpecError> {
        let (name, pattern) = rest.split_once(':').unwrap_or((rest, ""));
        if name.eq_ignore_ascii_case("any") || name.eq_ignore_ascii_case("all") {
            self.patterns = [pattern.to_owned(), pattern.to_owned(), pattern.to_owned()];
            return Ok(());
        }
        let destination = Destination::ALL
            .into_iter()
            .find(|one| one.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| SpecError(format!("unknown destination \"{name}\"")))?;
        pattern.clone_into(&mut self.patterns[destination as usize]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(specs: &[&str]) -> State {
        let mut state = State::default();
        for spec in specs {
            state.set(spec).unwrap();
        }
        state
    }

    #[test]
    fn words_come_in_any_order_and_what_is_left_out_means_all() {
        assert_eq!(after(&["console:off"]).levels("x"), [Level::Info, Level::Off, Level::Info]);
        assert_eq!(after(&["x:file:dbg"]).levels("x"), [Level::Info, Level::Info, Level::Dbg]);
        assert_eq!(after(&["dbg x"]).levels("x"), [Level::Dbg; 3]);
        assert_eq!(after(&["x"]).levels("x"), [Level::Dbg; 3]);
        assert_eq!(after(&["x:err", "warn"]).levels("x"), [Level::Warn; 3]);
        assert_eq!(after(&["x:err"]).levels("y"), [Level::Info; 3]);
        assert_eq!(after(&[""]).levels("y"), [Level::Dbg; 3]);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(State::default().set("info dbg").unwrap_err().0, "cannot specify multiple levels");
        assert_eq!(State::default().set("x!").unwrap_err().0, "no destination, level, or module \"x!\"");
        assert_eq!(State::default().set("PATTERN:moon:%m").unwrap_err().0, "unknown destination \"moon\"");
    }
}
