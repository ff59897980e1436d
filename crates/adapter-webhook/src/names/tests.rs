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
