//! Shows that points and mutants do what they say, with one gateway on SQLite.

mod faults;
mod world;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use simulator::{Behaviour, ScriptedBehaviour};
use testkit::eventually;

use self::world::{Stored, World};
use super::{Action, Mutant, Point};

/// Fails with the first point or mutant that does something else.
pub(crate) fn check() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let world = World::new().await?;
        for point in Point::ALL {
            killed(&world, point).await.with_context(|| format!("{}: kill", point.name()))?;
            stopped(&world, point).await.with_context(|| format!("{}: stop", point.name()))?;
        }
        disarmed(&world).await.context("a disarmed point")?;
        for mutant in Mutant::ALL {
            let name = mutant.name();
            ensure!(!faults::shows(&world, mutant, None).await?, "{name}: seen without the mutant");
            ensure!(faults::shows(&world, mutant, Some(mutant)).await?, "{name}: not seen");
        }
        Ok(())
    })
}

/// The connection breaks, the process is dead, the provider dialled from `Sent` on, and the stores
/// have what was written before the point.
async fn killed(world: &World, point: Point) -> anyhow::Result<()> {
    let mut gateway = world.start(None).await?;
    let number = world.next_number();
    world.execute("delete from call_locks").await?;
    if point == Point::Sent {
        world.simulator.script(ScriptedBehaviour::new(Behaviour::Hang).to(&number));
    }
    world.points.arm(point, Action::Kill)?;
    ensure!(world.place(&number).await.is_err(), "the gateway responded");
    eventually("the process is dead", async || !gateway.is_running()).await;
    ensure!(world.points.taken()? == [(point, gateway.pid())], "another point was taken");
    let dials = world.simulator.dials_to(&number);
    ensure!(dials == usize::from(point >= Point::Sent), "{dials} dials");
    let stored = world.stored(&number).await?;
    let expected = match point {
        Point::AfterAuth => Stored { contacts: 0, locks: 0, calls: 0, settled_locks: 0, settled_calls: 0 },
        Point::AfterResolve => Stored { contacts: 1, locks: 0, calls: 0, settled_locks: 0, settled_calls: 0 },
        Point::AfterLock => Stored { contacts: 1, locks: 1, calls: 0, settled_locks: 0, settled_calls: 0 },
        Point::BeforeSend | Point::Sent | Point::Answered => {
            Stored { contacts: 1, locks: 1, calls: 1, settled_locks: 0, settled_calls: 0 }
        }
        Point::Cached => Stored { contacts: 1, locks: 1, calls: 1, settled_locks: 1, ..stored },
        Point::BeforeReply => Stored { contacts: 1, locks: 1, calls: 1, settled_locks: 1, settled_calls: 1 },
    };
    ensure!(stored == expected, "{stored:?} instead of {expected:?}");
    Ok(())
}

/// The process does nothing until SIGCONT, and then responds.
async fn stopped(world: &World, point: Point) -> anyhow::Result<()> {
    let mut gateway = world.start(None).await?;
    let number = world.next_number();
    world.points.arm(point, Action::Stop)?;
    let mut placed = std::pin::pin!(world.place(&number));
    let is_stopped = eventually("the process is stopped", async || world::is_stopped(gateway.pid()));
    tokio::select! {
        _ = &mut placed => anyhow::bail!("the gateway responded"),
        () = is_stopped => {}
    }
    ensure!(world.points.taken()? == [(point, gateway.pid())], "another point was taken");
    ensure!(gateway.is_running(), "the process ended");
    // The simulator dials in its own process, so that a dial would be seen.
    let early = tokio::time::timeout(Duration::from_millis(700), &mut placed).await;
    ensure!(early.is_err(), "the gateway responded");
    let dials = world.simulator.dials_to(&number);
    ensure!(dials == usize::from(point >= Point::Sent), "{dials} dials");
    gateway.cont()?;
    let (status, body) = placed.await?;
    ensure!(status == 200, "{status}: {body}");
    ensure!(world.simulator.dials_to(&number) == 1, "not one dial");
    end(gateway).await
}

/// Neither a point that is armed and disarmed nor a stop from outside is a kill.
async fn disarmed(world: &World) -> anyhow::Result<()> {
    let gateway = world.start(None).await?;
    world.points.arm(Point::AfterLock, Action::Kill)?;
    world.points.disarm_all()?;
    gateway.stop()?;
    eventually("the process is stopped", async || world::is_stopped(gateway.pid())).await;
    gateway.cont()?;
    let (status, body) = world.place(&world.next_number()).await?;
    ensure!(status == 200, "{status}: {body}");
    ensure!(world.points.taken()?.is_empty(), "a point was taken");
    end(gateway).await
}

async fn end(mut gateway: super::GatewayProcess) -> anyhow::Result<()> {
    let status = gateway.terminate(Duration::from_secs(30)).await?;
    ensure!(status.success(), "{status} after SIGTERM");
    Ok(())
}
