use super::{Named, Topology};

fn named(url: &str) -> Named {
    Named::parse(url).unwrap_or_else(|| panic!("{url} names servers"))
}

#[test]
fn a_url_names_one_server_sentinels_or_a_cluster() {
    let one = named("redis://:secret@localhost/3?protocol=resp3");
    assert!(matches!(one.topology, Topology::One));
    assert_eq!(one.nodes, ["redis://:secret@localhost/3?protocol=resp3"]);

    let cluster = named("rediss+cluster://me:a,b@[::1]:7000,b");
    assert!(matches!(cluster.topology, Topology::Cluster));
    assert_eq!(cluster.nodes, ["rediss://me:a,b@[::1]:7000/", "rediss://me:a,b@b:6379/"]);

    let sentinels = named("redis+sentinel://:pw@a,b:1,[::1]/main/2?sentinel_password=p%40");
    assert_eq!(sentinels.nodes, ["redis://:pw@a:26379/2", "redis://:pw@b:1/2", "redis://:pw@[::1]:26379/2"]);
    let Topology::Sentinels { master, credentials } = sentinels.topology else { panic!("sentinels") };
    assert_eq!((&*master, credentials.as_deref()), ("main", Some("redis://:p%40@sentinel")));
}

#[test]
fn other_urls_are_refused() {
    for url in [
        "localhost:6379",
        "http://localhost",
        "redis+other://localhost",
        // The name of the master is missing.
        "redis+sentinel://a,b",
        "redis+sentinel://a/main?sentinelpassword=x",
        "redis+sentinel://a,,b/main",
        "redis+cluster://a,,b",
        // A cluster has one database.
        "redis+cluster://a/1",
    ] {
        assert!(Named::parse(url).is_none(), "{url}");
    }
}
