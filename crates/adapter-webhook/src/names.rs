//! Name lookup. The client connects to the addresses checked here, without a second lookup.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::is_public;

#[derive(Debug, thiserror::Error)]
#[error("the name resolves to an address that is not public")]
pub(crate) struct ForbiddenAddress;

/// The operating system's resolver.
pub(crate) struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// A resolver that returns the addresses of another one, or an error if one of them is not public:
/// the owner of a name controls which of its addresses the client uses.
pub(crate) struct PublicNames(pub(crate) Arc<dyn Resolve>);

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let resolving = self.0.resolve(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = resolving.await?.collect();
            if !addresses.iter().all(|address| is_public(address.ip())) {
                return Err(ForbiddenAddress.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<&'static str>);

    impl Resolve for Fixed {
        fn resolve(&self, _: Name) -> Resolving {
            let addresses = self.0.iter().map(|ip| SocketAddr::new(ip.parse().expect("an address"), 0));
            let addresses: Vec<_> = addresses.collect();
            Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
        }
    }

    #[tokio::test]
    async fn one_address_that_is_not_public_forbids_the_name() {
        for (addresses, forbidden) in [
            (vec!["1.1.1.1", "2606:4700:4700::1111"], false),
            (vec![], false),
            (vec!["127.0.0.1"], true),
            (vec!["1.1.1.1", "10.0.0.1"], true),
            (vec!["::1", "1.1.1.1"], true),
            (vec!["1.1.1.1", "::ffff:169.254.169.254"], true),
        ] {
            let found = PublicNames(Arc::new(Fixed(addresses.clone()))).resolve("a".parse().expect("a name"));
            match found.await {
                Ok(found) => {
                    assert!(!forbidden, "{addresses:?}");
                    let found: Vec<_> = found.map(|address| address.ip().to_string()).collect();
                    assert_eq!(found, addresses, "all addresses, in order");
                }
                Err(error) => assert!(forbidden && error.is::<ForbiddenAddress>(), "{addresses:?}"),
            }
        }
    }
}
