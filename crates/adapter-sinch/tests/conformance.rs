//! The suite of the port, against the simulator over HTTP.

use std::sync::Arc;
use std::time::Duration;

use adapter_sinch::{SinchSettings, SinchTrunk};
use async_trait::async_trait;
use domain::ports::{TrunkDirectory, VendorFailure};
use domain::{PhoneNumber, TrunkId};
use simulator::{Account, AccountFault, DEMO_TRUNK_ID, Settings, Simulator};
use testkit::harness::{TrunkDirectoryHarness, VendorBehaviour};

testkit::trunk_directory_suite!(Simulated::start().await);

struct Simulated {
    simulator: Simulator,
}

impl Simulated {
    async fn start() -> Self {
        Self { simulator: Simulator::start(Settings::default()).await.expect("a free port") }
    }

    fn trunk(&self, key: &str, trunk_id: &str) -> SinchTrunk {
        let base_url: url::Url = self.simulator.base_url().parse().expect("a URL");
        let trunk_id = TrunkId::parse(trunk_id).expect("a valid id");
        let settings = SinchSettings {
            auth_url: base_url.clone(),
            trunk_url: base_url,
            first_pause: Duration::from_millis(1),
            ..SinchSettings::new("project-1".to_owned(), "key-1".to_owned(), key.into(), trunk_id)
        };
        SinchTrunk::new(&settings).expect("valid settings")
    }

    fn tokens(&self) -> u64 {
        self.simulator.requests().get("/oauth2/token").copied().unwrap_or_default()
    }
}

#[async_trait]
impl TrunkDirectoryHarness for Simulated {
    fn trunk_directory(&self, key: &str) -> Arc<dyn TrunkDirectory> {
        Arc::new(self.trunk(key, DEMO_TRUNK_ID))
    }

    async fn set_trunk(&self, calls_per_second: u32, numbers: &[PhoneNumber], of_other: &[PhoneNumber]) {
        let own = numbers.iter().map(|number| (number.as_e164().to_owned(), true));
        let others = of_other.iter().map(|number| (number.as_e164().to_owned(), false));
        self.simulator.set_account(Account {
            calls_per_second,
            trunk_host: "Trunk.Example.com".to_owned(),
            carrier_numbers: others.chain(own).collect(),
            ..Account::default()
        });
    }

    async fn behave(&self, behaviour: VendorBehaviour) {
        self.simulator.refuse_connections(behaviour == VendorBehaviour::RefusesConnection).await;
        self.simulator.fail_accounts(match behaviour {
            VendorBehaviour::Responds | VendorBehaviour::RefusesConnection => None,
            VendorBehaviour::RefusesKey => Some(AccountFault::KeyRefused),
            VendorBehaviour::Forbids => Some(AccountFault::Forbidden),
            VendorBehaviour::HasNoSuchThing => Some(AccountFault::NotFound),
            VendorBehaviour::LimitsRequests => Some(AccountFault::RateLimited),
            VendorBehaviour::ServerError => Some(AccountFault::ServerError),
            VendorBehaviour::ForeignResponse => Some(AccountFault::ForeignPage),
            VendorBehaviour::FailsOnSecondPage => Some(AccountFault::SecondPageFails),
            VendorBehaviour::RepeatsFirstPage => Some(AccountFault::FirstPageRepeats),
            VendorBehaviour::IgnoresFilter => Some(AccountFault::FilterIgnored),
        });
    }
}

/// One token serves all requests, of any number of reads at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_requested_once() {
    let vendor = Simulated::start().await;
    let trunk = vendor.trunk("any", DEMO_TRUNK_ID);
    let (first, second, third) = tokio::join!(
        TrunkDirectory::read(&trunk),
        TrunkDirectory::read(&trunk),
        TrunkDirectory::read(&trunk)
    );
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    TrunkDirectory::read(&trunk).await.expect("the carrier responds");
    assert_eq!(vendor.tokens(), 1);
}

/// A token that the carrier does not accept any more is replaced, and the request is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_replaced() {
    let vendor = Simulated::start().await;
    let trunk = vendor.trunk("any", DEMO_TRUNK_ID);
    TrunkDirectory::read(&trunk).await.expect("the carrier responds");
    vendor.simulator.expire_tokens();
    TrunkDirectory::read(&trunk).await.expect("the carrier accepts the new token");
    assert_eq!(vendor.tokens(), 2);
}

/// The service for tokens limits its requests without saying for how long.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_for_a_token_is_repeated_three_times() {
    for (refusals, is_read, tokens) in [(3, true, 4), (9, false, 4)] {
        let vendor = Simulated::start().await;
        vendor.simulator.fail_accounts(Some(AccountFault::TokensLimited(refusals)));
        let read = TrunkDirectory::read(&vendor.trunk("any", DEMO_TRUNK_ID)).await;
        assert_eq!(read.is_ok(), is_read, "{read:?}");
        assert!(is_read || read == Err(VendorFailure::RateLimited), "{read:?}");
        assert_eq!(vendor.tokens(), tokens);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_trunk_id_does_not_exist() {
    let vendor = Simulated::start().await;
    let read = TrunkDirectory::read(&vendor.trunk("any", "trunk-of-somebody")).await;
    assert_eq!(read, Err(VendorFailure::NotFound));
}
