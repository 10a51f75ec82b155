//! The scripts by which shells ask for completion.

use super::WORD;

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// GNU bash.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
}

/// All shells that there are scripts for.
pub const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// The name of the file that a shell looks for, and what is to be in it.
pub fn script(shell: Shell, program: &str) -> (String, String) {
    match shell {
        Shell::Bash => (program.to_owned(), bash(program)),
        Shell::Zsh => (format!("_{program}"), zsh(program)),
        Shell::Fish => (format!("{program}.fish"), fish(program)),
    }
}

/// Bash takes words apart at `=` and `:`, so that only what follows the last of them is to be completed.
fn bash(program: &str) -> String {
    let function = program.replace('-', "_");
    format!(
        r#"# Completion of {program} for bash.
_{function}() {{
    local IFS=$'\n' line=${{COMP_LINE:0:COMP_POINT}}
    local word=${{line##*[[:space:]]}}
    local before=${{word%"${{word##*[=:]}}"}}
    local found=($("${{COMP_WORDS[0]}}" {WORD} "$line" 2>/dev/null))
    found=("${{found[@]%%$'\t'*}}")
    COMPREPLY=("${{found[@]#"$before"}}")
    [[ ${{#COMPREPLY[@]}} == 1 && ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}}
complete -F _{function} {program}
"#
    )
}

fn zsh(program: &str) -> String {
    format!(
        r#"#compdef {program}
# Completion of {program} for zsh.
local -a lines
lines=("${{(@f)$(${{words[1]}} {WORD} "${{(j: :)words[1,CURRENT]}}" 2>/dev/null)}}")
lines=("${{(@)${{(@)lines//:/\\:}}//$'\t'/:}}")
_describe '{program}' lines
"#
    )
}

fn fish(program: &str) -> String {
    format!(
        "# Completion of {program} for fish.\n\
         complete -c {program} -f -a '({program} {WORD} (commandline -cp | string collect) 2>/dev/null)'\n"
    )
}
