//! Erasing a person: in which order, and what is left after each failure.

use std::sync::{Arc, Mutex};

use domain::ports::{
    ErasedCounts, ErasureBlock, ErasureResult, MockClock, MockContextCache, MockPersonalData,
    MockProvisioning, MockRecordingStore, OrganizationPolicy, Person, PersonKey, PersonalRecords,
    PortUnavailable, RecordingStore,
};
use domain::{
    AudioFormat, ErasePerson, ErasePersonPorts, ErasureReport, OrganizationId, RecordingKey, Timestamp,
};
use testkit::fixtures::{call_id, conversation_id, organization_id, phone_number};

use crate::world::unavailable;

const NOW: Timestamp = Timestamp::from_unix_millis(1_790_000_000_000);

type Steps = Arc<Mutex<Vec<&'static str>>>;

/// The ports, which note their steps. Each recording is to be removed once.
struct World {
    fails: Option<&'static str>,
    blocked: bool,
    recordings: Vec<RecordingKey>,
    has_store: bool,
}

impl World {
    fn working() -> Self {
        let recordings = (0..2).map(|_| RecordingKey::of(&call_id(), AudioFormat::Mp3)).collect();
        Self { fails: None, blocked: false, recordings, has_store: true }
    }

    fn use_case(&self) -> (ErasePerson, Steps) {
        let steps = Steps::default();
        let fails = self.fails;
        let step = |name: &'static str| {
            let steps = steps.clone();
            move || -> Result<(), PortUnavailable> {
                steps.lock().expect("no panic").push(name);
                if fails == Some(name) { Err(unavailable()) } else { Ok(()) }
            }
        };
        let mut data = MockPersonalData::new();
        let export = step("export");
        data.expect_export().returning(move |_| {
            export().map(|()| PersonalRecords {
                conversations: vec![conversation_id()],
                ..PersonalRecords::default()
            })
        });
        let (erase, blocked) = (step("erase"), self.blocked);
        data.expect_erase().returning(move |erasure| {
            assert_eq!(erasure.at, NOW);
            erase().map(|()| {
                if blocked {
                    ErasureResult::Blocked(ErasureBlock { calls: vec![call_id()], open_events: 0 })
                } else {
                    ErasureResult::Erased(ErasedCounts { calls: 2, ..ErasedCounts::default() })
                }
            })
        });
        let left = Arc::new(Mutex::new(self.recordings.clone()));
        let listed = left.clone();
        data.expect_recordings_to_remove().returning(move |_| Ok(listed.lock().expect("no panic").clone()));
        let note = step("note");
        data.expect_note_removed_recording()
            .returning(move |key| note().map(|()| left.lock().expect("no panic").retain(|left| left != key)));
        let (mut contexts, forget) = (MockContextCache::new(), step("forget"));
        contexts.expect_remove().returning(move |_| forget());
        let (mut store, remove) = (MockRecordingStore::new(), step("remove"));
        store.expect_remove().returning(move |_| remove());
        let mut clock = MockClock::new();
        clock.expect_now().return_const(NOW);
        let ports = ErasePersonPorts {
            personal_data: Arc::new(data),
            contexts: Arc::new(contexts),
            provisioning: Arc::new(MockProvisioning::new()),
            recordings: self.has_store.then(|| Arc::new(store) as Arc<dyn RecordingStore>),
            clock: Arc::new(clock),
        };
        (ErasePerson::new(ports), steps)
    }

    async fn erase(&self, rehearse: bool) -> (Result<ErasureReport, PortUnavailable>, Vec<&'static str>) {
        let (use_case, steps) = self.use_case();
        let report = use_case.execute(vec![person(Some(organization_id()))], rehearse).await;
        let steps = steps.lock().expect("no panic").clone();
        (report, steps)
    }
}

fn person(organization_id: Option<OrganizationId>) -> Person {
    Person { organization_id, key: PersonKey::Number(phone_number()) }
}

/// The contexts before the ledger, which names their conversations; the recordings after it.
#[tokio::test]
async fn the_cache_the_ledger_and_the_recordings_are_erased_in_this_order() {
    let (report, steps) = World::working().erase(false).await;
    let counts = ErasedCounts { calls: 2, ..ErasedCounts::default() };
    let expected = ErasureReport { counts, blocked: Vec::new(), recordings_left: false };
    assert_eq!(report.as_ref(), Ok(&expected));
    assert!(expected.is_complete());
    assert_eq!(steps, ["export", "forget", "erase", "remove", "note", "remove", "note"]);
}

#[tokio::test]
async fn a_rehearsal_touches_neither_the_cache_nor_the_recordings() {
    let (report, steps) = World::working().erase(true).await;
    assert_eq!(report.map(|report| report.counts.calls), Ok(2));
    assert_eq!(steps, ["erase"]);
}

/// The step that fails is the last one: a repetition begins again, and finds what is left.
#[tokio::test]
async fn each_failure_ends_the_erasure_before_the_next_step() {
    for (fails, done) in [("export", 1), ("forget", 2), ("erase", 3), ("remove", 4), ("note", 5)] {
        let world = World { fails: Some(fails), ..World::working() };
        let (report, steps) = world.erase(false).await;
        assert_eq!(report, Err(unavailable()), "{fails}");
        assert_eq!((steps.len(), steps.last()), (done, Some(&fails)));
    }
}

/// Those of an earlier erasure are removed nevertheless.
#[tokio::test]
async fn a_blocked_erasure_is_reported_and_removes_what_an_earlier_one_left() {
    let (report, steps) = World { blocked: true, ..World::working() }.erase(false).await;
    let report = report.expect("the ports are up");
    assert_eq!((report.counts, report.blocked.len()), (ErasedCounts::default(), 1));
    assert!(!report.is_complete());
    assert_eq!(steps, ["export", "forget", "erase", "remove", "note", "remove", "note"]);
}

#[tokio::test]
async fn recordings_that_no_store_is_configured_for_are_reported() {
    let (report, _) = World { has_store: false, ..World::working() }.erase(false).await;
    let report = report.expect("the ports are up");
    assert!(report.recordings_left && !report.is_complete());
    let none = World { has_store: false, recordings: Vec::new(), ..World::working() };
    assert!(none.erase(false).await.0.expect("the ports are up").is_complete());
}

/// The number in each organization, on all pages, and at last in what belongs to none.
#[tokio::test]
async fn everywhere_is_each_organization_and_none() {
    let organizations: Vec<OrganizationId> = (0..3).map(|_| organization_id()).collect();
    let mut provisioning = MockProvisioning::new();
    let listed = organizations.clone();
    provisioning.expect_organizations().returning(move |after, _| {
        let first = after.map_or(0, |after| listed.iter().position(|id| *id == after).map_or(0, |at| at + 1));
        let page = listed.iter().skip(first).take(2);
        Ok(page.map(|id| OrganizationPolicy { organization_id: id.clone(), policy: None }).collect())
    });
    let ports = ErasePersonPorts {
        personal_data: Arc::new(MockPersonalData::new()),
        contexts: Arc::new(MockContextCache::new()),
        provisioning: Arc::new(provisioning),
        recordings: None,
        clock: Arc::new(MockClock::new()),
    };
    let number = phone_number();
    let persons = ErasePerson::new(ports).everywhere(&number).await.expect("the ports are up");
    let expected = organizations.into_iter().map(Some).chain([None]);
    let expected = expected.map(|id| Person { organization_id: id, key: PersonKey::Number(number.clone()) });
    assert_eq!(persons, expected.collect::<Vec<_>>());
}
