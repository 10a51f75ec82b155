//! `lr-policy-list ROUTER`.

use super::addresses::normal_prefix;
use super::policies::{GROUP, chain, policies};
use super::rows::{get, name_of, prepare_named};
use crate::Failure;
use crate::cli::Command;
use crate::context::Context;
use crate::needs::Needs;
use crate::verb::{Parameter, Verb};
use schema::nb::{LogicalRouter, LogicalRouterPolicy as Policy, LogicalRouterPort};

pub(super) const LR_POLICY_LIST: Verb = Verb {
    name: "lr-policy-list",
    options: &[],
    parameters: &[Parameter::One("ROUTER")],
    group: GROUP,
    help: "print the policies of ROUTER",
    prepare,
    run,
};

fn prepare(_: &Command, needs: &mut Needs) -> Result<(), Failure> {
    super::policies::prepare(needs);
    prepare_named::<LogicalRouterPort>(needs, &[]);
    Ok(())
}

fn run(context: &mut Context<'_>, command: &Command) -> Result<(), Failure> {
    let router = get::<LogicalRouter>(context.view, command.required(0))?;
    let mut policies = policies(context.view, router)?;
    policies.sort_by(|a, b| (chain(a), b.priority, &a.r#match).cmp(&(chain(b), a.priority, &b.r#match)));
    if !policies.is_empty() {
        context.print("Routing Policies");
    }
    let has_chains = policies.last().is_some_and(|policy| !chain(policy).is_empty());
    let mut current = None;
    for policy in &policies {
        if has_chains && current != Some(chain(policy)) {
            current = Some(chain(policy));
            context.print(match chain(policy) {
                "" => "Chain <Default>:".to_owned(),
                chain => format!("\nChain {chain}:"),
            });
        }
        let line = line(context, policy);
        context.print(line);
    }
    Ok(())
}

fn line(context: &Context<'_>, policy: &Policy) -> String {
    let mut line = format!("{:>10} {:>50} {:>15}", policy.priority, policy.r#match, policy.action);
    if *policy.action == *"jump"
        && let Some(chain) = policy.jump_chain.as_ref().filter(|chain| !chain.is_empty())
    {
        line.push_str(&format!(" -> {chain}"));
    }
    for (place, hop) in policy.nexthops.iter().enumerate() {
        let hop = normal_prefix(hop).unwrap_or_default();
        line.push_str(&if place == 0 { format!(" {hop:>25}") } else { format!(", {hop}") });
    }
    if let Some(port) = policy.output_port {
        line.push_str(&format!(" {}", name_of::<LogicalRouterPort>(context.view, port)));
    }
    let bfd = (!policy.bfd_sessions.is_empty()).then(|| "bfd".to_owned());
    let options = policy.options.iter().map(|(key, value)| format!("{key}={value}"));
    let extras: Vec<String> = bfd.into_iter().chain(options).collect();
    if !extras.is_empty() {
        line.push_str(&format!("{:15}{}", "", extras.join(",")));
    }
    line
}
