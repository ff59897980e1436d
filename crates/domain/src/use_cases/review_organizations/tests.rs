use super::*;
use crate::ports::OrganizationPolicy;
use crate::{
    AgentId, CallerNumber, Modes, Organization, PersonName, PhoneNumber, ProviderAgentId, ProviderNumberId,
    User,
};

const CARRIERS: [Carrier; 1] = [Carrier::named("sinch")];

fn organization(id: &str) -> OrganizationId {
    OrganizationId::parse(id).expect("a valid id")
}

fn user(id: &str, organization_id: &str) -> User {
    let name = || PersonName::parse("Ada").expect("a valid name");
    User {
        id: UserId::parse(id).expect("a valid id"),
        organization: Organization { id: organization(organization_id), name: name() },
        full_name: name(),
        access_role: None,
    }
}

fn agent(id: &str, organization_id: &str) -> Agent {
    Agent {
        id: AgentId::parse(id).expect("a valid id"),
        organization_id: organization(organization_id),
        name: PersonName::parse("Agent").expect("a valid name"),
        voice_enabled: true,
        provider_agent_id: ProviderAgentId::parse("agent_1").ok(),
    }
}

fn number(user: &User, last: char) -> NumberRecord {
    NumberRecord {
        number: CallerNumber {
            organization_id: user.organization.id.clone(),
            user_id: user.id.clone(),
            phone_number: PhoneNumber::parse(&format!("+1416555010{last}")).expect("a valid number"),
            carrier: Carrier::named("sinch"),
            ai_enabled: true,
            on_trunk: true,
            provider_number_id: ProviderNumberId::parse("phnum_1").ok(),
        },
        position: 0,
    }
}

fn listing() -> DirectoryListing {
    let users = [user("u1", "o1"), user("u2", "o1"), user("u3", "o2")];
    let with_policy = |id, policy| OrganizationPolicy { organization_id: organization(id), policy };
    let enforced = CallingPolicy { modes: Modes::all(Mode::Enforce), ..CallingPolicy::default() };
    DirectoryListing {
        organizations: vec![
            with_policy("o1", None),
            with_policy("o2", Some(enforced)),
            with_policy("o3", None),
        ],
        agents: vec![agent("a1", "o1"), agent("a2", "o1"), agent("a3", "o2")],
        numbers: vec![number(&users[0], '0'), number(&users[1], '1'), number(&users[2], '2')],
        users: users.to_vec(),
    }
}

fn review(listing: &DirectoryListing) -> Vec<OrganizationReview> {
    review_organizations(listing, &CARRIERS, &CallingPolicy::default())
}

#[test]
fn each_organization_is_reviewed_with_its_own_records() {
    let reviews = review(&listing());
    let ids: Vec<_> = reviews.iter().map(|it| it.organization_id.as_str()).collect();
    assert_eq!(ids, ["o1", "o2", "o3"]);
    assert_eq!((reviews[0].users, reviews[0].agents), (2, 2));
    assert_eq!((reviews[1].users, reviews[1].agents), (1, 1));
    assert_eq!((reviews[2].users, reviews[2].agents), (0, 0));
    assert!(reviews.iter().all(|it| it.users_without_number.is_empty()));
    assert!(reviews[0].is_in_use() && reviews[1].is_in_use() && !reviews[2].is_in_use());
}

#[test]
fn a_user_whose_numbers_are_unfit_is_named() {
    let unfit: [fn(&mut CallerNumber); 4] = [
        |number| number.ai_enabled = false,
        |number| number.on_trunk = false,
        |number| number.provider_number_id = None,
        |number| number.carrier = Carrier::named("twilio"),
    ];
    for spoil in unfit {
        let mut listing = listing();
        spoil(&mut listing.numbers[1].number);
        spoil(&mut listing.numbers[2].number);
        let reviews = review(&listing);
        assert_eq!(reviews[0].users_without_number, [listing.users[1].id.clone()]);
        assert_eq!(reviews[1].users_without_number, [listing.users[2].id.clone()]);
    }
}

#[test]
fn an_agent_that_cannot_speak_does_not_count() {
    let mut listing = listing();
    listing.agents[0].voice_enabled = false;
    listing.agents[2].provider_agent_id = None;
    let reviews = review(&listing);
    assert_eq!((reviews[0].agents, reviews[1].agents), (1, 0));
}

#[test]
fn the_rules_that_are_not_enforced_are_those_of_the_policy_or_of_the_default() {
    let reviews = review(&listing());
    let not_enforced = |review: &OrganizationReview| {
        review.not_enforced.iter().map(|(group, _)| group.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(not_enforced(&reviews[0]), ["quietHours", "callingHours", "caps", "consent", "zone"]);
    assert!(!reviews[0].has_policy);
    assert!(not_enforced(&reviews[1]).is_empty() && reviews[1].has_policy);
}
