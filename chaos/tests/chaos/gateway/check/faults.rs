use std::time::Duration;

use anyhow::ensure;
use simulator::{Behaviour, ScriptedBehaviour};
use testkit::eventually;

use super::world::World;
use crate::gateway::Mutant;

/// Whether a gateway, with this mutant or without one, does what `fault` does.
pub(super) async fn shows(world: &World, fault: Mutant, mutant: Option<Mutant>) -> anyhow::Result<bool> {
    // No lock of an earlier check is in the way of the statements below.
    world.execute("delete from call_locks").await?;
    let number = world.next_number();
    let mut gateway = world.start(mutant).await?;
    let script = |behaviour| world.simulator.script(ScriptedBehaviour::new(behaviour).to(&number));
    let dialled = |times| world.simulator.dials_to(&number) == times;
    let seen = match fault {
        Mutant::RetryDial => {
            script(Behaviour::DropConnection);
            world.place(&number).await?;
            dialled(2)
        }
        Mutant::ReleaseOnUnknown => {
            script(Behaviour::DropConnection);
            world.place(&number).await?;
            world.place(&number).await?;
            dialled(2)
        }
        Mutant::NoReservation => {
            world.place(&number).await?;
            // Neither the lock nor the memory of the process blocks the second call.
            gateway.kill().await?;
            world.execute("delete from call_locks").await?;
            gateway = world.start(mutant).await?;
            world.place(&number).await?;
            dialled(2)
        }
        Mutant::NoRenewal => {
            script(Behaviour::Answer { after_ms: 1500 });
            let placed = world.place(&number);
            let shorten = async {
                eventually("the number is dialled", async || dialled(1)).await;
                // One renewal makes this lock outlive the dial.
                world.execute("update call_locks set expires_at = expires_at - 4000").await
            };
            let (placed, shortened) = tokio::join!(placed, shorten);
            ensure!(placed?.0 == 200 && shortened? == 1, "the call was not placed");
            world.stored(&number).await?.settled_locks == 0
        }
        Mutant::NoTokenComparison => {
            script(Behaviour::Answer { after_ms: 1500 });
            let placed = world.place(&number);
            let steal = async {
                eventually("the number is dialled", async || dialled(1)).await;
                world.execute("update dial_guards set token = 'ffffffffffffffffffffffffffffffff'").await?;
                world.execute("update call_locks set token = 'ffffffffffffffffffffffffffffffff'").await
            };
            let (placed, stolen) = tokio::join!(placed, steal);
            ensure!(placed?.0 == 200 && stolen? == 1, "the call was not placed");
            world.stored(&number).await?.settled_locks == 1 && reservation_is_taken_back(world).await?
        }
    };
    gateway.terminate(Duration::from_secs(30)).await?;
    Ok(seen)
}

/// Whether the token of a reservation is not the stolen one any more.
async fn reservation_is_taken_back(world: &World) -> anyhow::Result<bool> {
    let taken = "update dial_guards set token = token where token <> 'ffffffffffffffffffffffffffffffff'";
    Ok(world.execute(taken).await? == 1)
}
