use super::*;

fn decision() -> Decision {
    let refusal = |code, opens_at| Refusal {
        code,
        rule_id: RuleId("us-fl".into()),
        source: "Fla. Stat. 501.616(6)".into(),
        detail: "it is 20:59 there".into(),
        opens_at,
    };
    Decision {
        refusals: vec![refusal(RefusalCode::OutsideCallingHours, Some(Timestamp::from_unix_millis(7)))],
        warnings: vec![refusal(RefusalCode::ConsentMissing, None)],
        contact_id: Some(ContactId::parse("c1").expect("an id")),
        agent: Some((AgentId::parse("a1").expect("an id"), AgentReason::Default)),
        caller_number: Some((
            PhoneNumber::parse("+14165550100").expect("a number"),
            CallerReason::SameAreaCode,
        )),
        callee_local_time: vec![CalleeTime {
            region: Some(Region::parse("US-FL").expect("a state")),
            basis: PlaceBasis::AreaCodeByLaw,
            zone: ZoneName::parse("America/New_York").expect("a zone"),
            at: LocalMoment {
                date: LocalDate::parse("2026-11-30").expect("a date"),
                minute: MinuteOfDay::parse("20:59").expect("a time"),
            },
        }],
        rules_applied: vec![
            UsedRule {
                id: RuleId("us-fl".into()),
                version: 3,
                source: "Fla. Stat. 501.616(6)".into(),
                group: RuleGroup::CallingHours,
                mode: Mode::Enforce,
                verdict: RuleVerdict::Refuses(RefusalCode::OutsideCallingHours),
            },
            UsedRule {
                id: RuleId("suppressions".into()),
                version: 0,
                source: "calling policy".into(),
                group: RuleGroup::Suppressions,
                mode: Mode::Warn,
                verdict: RuleVerdict::Allows,
            },
        ],
        opens_at: Some(Timestamp::from_unix_millis(7)),
    }
}

#[test]
fn a_decision_is_read_as_it_was_written() {
    for written in [decision(), Decision::default()] {
        assert_eq!(read_decision(Some(write_decision(&written))), Ok(Some(written)));
    }
    assert_eq!(read_decision(None), Ok(None));
}

#[test]
fn names_of_a_later_release_are_left_out() {
    let stored = write_decision(&decision()).replace("CONSENT_MISSING", "LATER").replace("warn", "later");
    let read = read_decision(Some(stored)).expect("a decision").expect("one is stored");
    assert_eq!((read.warnings.len(), read.rules_applied.len()), (0, 1));
    assert_eq!(read.refusals, decision().refusals);
}

#[test]
fn what_is_no_decision_is_unreadable_and_not_quoted() {
    for stored in ["private", "{}", "[]"] {
        let error = read_decision(Some(stored.to_owned())).expect_err(stored).to_string();
        assert_eq!(error, "calls.decision holds a value that cannot be read");
    }
}
