//! Laws of the parser and the printer of actions; single cases are in `tests/actions.lflow`.

use super::*;
use crate::pipeline::Pipeline;
use proptest::prelude::*;

const CONTEXT: Context = Context { pipeline: Pipeline::Ingress, table: 10 };

proptest! {
    #[test]
    fn any_text_is_actions_or_an_error_that_lies_in_it_and_what_is_printed_parses_to_the_same(
        text in "((next|output|drop|reg0|ip4\\.dst|outport|inport|eth\\.src|clone|arp|nd_na|push|pop|log|ct_commit|ct_mark\
            |lookup_fdb|get_fdb|put_fdb|check_in_port_sec|set_queue|verdict|allow|ip\\.ttl|=|<->|;|;|\\(|\\)|\\{|\\}|\\[0\\]|--|5|\"p\"|,) ?){0,12}"
    ) {
        match parse(&text, CONTEXT) {
            Ok(parsed) => {
                let printed = List(&parsed.actions).to_string();
                prop_assert_eq!(parse(&printed, CONTEXT), Ok(parsed));
            }
            Err(error) => prop_assert!(text.get(error.span.clone()).is_some(), "{error:?}"),
        }
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |depth: usize| format!("{}output; {}", "clone { ".repeat(depth), "}; ".repeat(depth));
    assert!(parse(&nested(NESTING_MAX), CONTEXT).is_ok());
    let error = parse(&nested(NESTING_MAX + 1), CONTEXT).unwrap_err();
    assert_eq!(error.to_string(), "maximum depth of nested actions reached");
    assert!(parse(&nested(100_000), CONTEXT).is_err());
}

#[test]
fn the_last_table_has_no_next_one() {
    for (pipeline, last) in [(Pipeline::Ingress, 34), (Pipeline::Egress, 15)] {
        let context = Context { pipeline, table: last };
        let error = |text| parse(text, context).unwrap_err().to_string();
        assert_eq!(error("next;"), format!("\"next\" action cannot advance beyond table {last}."));
        assert_eq!(error("ct_next;"), "\"ct_next\" action not allowed in last table.");
        assert_eq!(error("ct_lb_mark;"), "\"ct_lb_mark\" action not allowed in last table.");
        assert!(parse("next(0);", context).is_ok());
    }
}
