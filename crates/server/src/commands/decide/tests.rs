use std::time::Duration;

use domain::ports::{DialRequest, HoldResult};
use domain::{
    AgentId, AgentReason, CallId, CallerReason, DynamicVariables, Mode, OrganizationId, PersonName,
    PhoneNumber, ProviderAgentId, ProviderNumberId, RefusalCode, RuleGroup, RuleId, Timestamp, UsedRule,
};

use super::*;

fn preview() -> Preview {
    let number = |text| PhoneNumber::parse(text).expect("a number");
    let agent_id = AgentId::parse("a1").expect("an id");
    let opens_at = Some(Timestamp::from_unix_millis(1_790_000_000_000));
    let code = RefusalCode::OutsideCallingHours;
    Preview {
        decision: Decision {
            refusals: vec![Refusal {
                code,
                rule_id: RuleId("us-fl".into()),
                source: "a law".into(),
                detail: "it is late".into(),
                opens_at,
            }],
            agent: Some((agent_id.clone(), AgentReason::Default)),
            caller_number: Some((number("+14165550100"), CallerReason::First)),
            rules_applied: vec![UsedRule {
                id: RuleId("us-fl".into()),
                version: 2,
                source: "a law".into(),
                group: RuleGroup::CallingHours,
                mode: Mode::Enforce,
                verdict: RuleVerdict::Refuses(code),
            }],
            opens_at,
            ..Decision::default()
        },
        agent_id,
        from: number("+14165550100"),
        dial: DialRequest {
            call_id: CallId::mint(1, [1; 8]),
            organization_id: OrganizationId::parse("o1").expect("an id"),
            provider_agent_id: ProviderAgentId::parse("agent_1").expect("an id"),
            provider_number_id: ProviderNumberId::parse("phnum_1").expect("an id"),
            to: number("+14165550110"),
            callee_name: None,
            organization_name: PersonName::parse("Demo").expect("a name"),
            reason: None,
            variables: DynamicVariables::default(),
            ringing_timeout: Duration::from_secs(60),
            answer_within: Duration::from_secs(90),
        },
        duplicate: HoldResult::Granted,
    }
}

#[test]
fn the_table_has_the_verdict_the_call_and_every_reason() {
    assert_eq!(
        table(&preview()),
        "VERDICT       refused\n\
         OPENS AT      2026-09-21T14:13:20.000Z\n\
         TO            +14165550110\n\
         CONTACT       none yet\n\
         AGENT         a1 (default)\n\
         FROM          +14165550100 (first)\n\
         DUPLICATE     none\n\
         REFUSAL       OUTSIDE_CALLING_HOURS (us-fl): it is late; until 2026-09-21T14:13:20.000Z\n\
         RULE          us-fl v2 (callingHours, enforce): OUTSIDE_CALLING_HOURS; a law\n"
    );
}
