//! Carries out a schedule.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::fault::Fault;
use super::intents::Intent;
use super::schedule::Planned;
use super::world::World;

/// How often each kind of fault was injected.
pub(crate) type Injected = BTreeMap<String, usize>;

/// How often the gateways are looked at.
const TICK: Duration = Duration::from_millis(20);

/// A fault that begins or ends.
struct Step<'a> {
    at: Duration,
    begins: bool,
    planned: &'a Planned,
}

/// Injects every fault of the plan into a load that began at `begins`, and returns at `until`, when
/// all have ended.
pub(crate) async fn inject(
    world: &mut World,
    plan: &[Planned],
    begins: Duration,
    until: Duration,
) -> anyhow::Result<Injected> {
    let injected = Mutex::new(Injected::new());
    let count = |fault: &Fault| {
        let mut injected = injected.lock().expect("no panic while faults are counted");
        *injected.entry(fault.kind()).or_default() += 1;
    };
    let World { watch, stores, gateways, simulator, disturbances, .. } = world;
    let watch = *watch;
    let into_stores = async {
        for step in steps(plan, |fault| fault.is_of_stores()) {
            watch.reach(step.at).await;
            let fault = &step.planned.fault;
            if !step.begins {
                stores.end(fault, disturbances).await?;
            } else {
                match stores.begin(fault, disturbances).await {
                    Ok(()) => count(fault),
                    // For example a failover right after a crash, while there is no standby.
                    Err(error) => crate::say(&format!("not injected: {}: {error:#}", fault.kind())),
                }
            }
        }
        anyhow::Ok(())
    };
    let into_gateways = async {
        let mut steps = steps(plan, |fault| !fault.is_of_stores()).into_iter().peekable();
        loop {
            gateways.look()?;
            let now = watch.now();
            while let Some(step) = steps.next_if(|step| step.at <= now) {
                match (&step.planned.fault, step.begins) {
                    (fault @ Fault::Provider { slot, script }, true) => {
                        let intent = Intent::in_slot(*slot, now.saturating_sub(begins));
                        simulator.script(script.for_number(&intent.number()));
                        count(fault);
                    }
                    (fault @ (Fault::KillAt(_) | Fault::PauseAt(..)), true) => {
                        gateways.begin(fault, step.planned.until).await?;
                    }
                    (fault, true) => {
                        if gateways.begin(fault, step.planned.until).await? {
                            count(fault);
                        }
                    }
                    (fault, false) => gateways.end(fault)?,
                }
            }
            gateways.taken.drain(..).for_each(|taken| count(&taken));
            if steps.peek().is_none() && now >= until {
                return anyhow::Ok(());
            }
            tokio::time::sleep(TICK).await;
        }
    };
    tokio::try_join!(into_stores, into_gateways)?;
    Ok(injected.into_inner().expect("no panic while faults are counted"))
}

/// The beginnings and ends of these faults, in their order.
fn steps(plan: &[Planned], of: impl Fn(&Fault) -> bool) -> Vec<Step<'_>> {
    let of_lane = plan.iter().filter(|planned| of(&planned.fault));
    let mut steps: Vec<Step<'_>> = of_lane
        .flat_map(|planned| {
            let begin = Step { at: planned.from, begins: true, planned };
            [begin, Step { at: planned.until, begins: false, planned }]
        })
        .collect();
    // Of two steps at one moment, the first of the plan comes first: it may be the end of the one
    // before.
    steps.sort_by_key(|step| step.at);
    steps
}
