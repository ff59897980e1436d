use super::{Hosts, Timeline, urls};

#[test]
fn a_url_names_one_or_several_servers() {
    for (url, expected) in [
        ("postgres://localhost/outdial", vec!["postgres://localhost/outdial"]),
        ("postgres:///outdial?host=/run/postgresql", vec!["postgres:///outdial?host=/run/postgresql"]),
        (
            "postgres://me:p%40ss@a:5432,b:6432/outdial?sslmode=verify-full",
            vec![
                "postgres://me:p%40ss@a:5432/outdial?sslmode=verify-full",
                "postgres://me:p%40ss@b:6432/outdial?sslmode=verify-full",
            ],
        ),
        // A password with a comma, and addresses of IPv6.
        ("postgres://me:a,b@[::1]:1,[::2]", vec!["postgres://me:a,b@[::1]:1", "postgres://me:a,b@[::2]"]),
        (
            "postgres://a,b/d?target_session_attrs=read-write&sslmode=prefer",
            vec!["postgres://a/d?sslmode=prefer", "postgres://b/d?sslmode=prefer"],
        ),
        ("postgres://a/d?target_session_attrs=primary", vec!["postgres://a/d"]),
    ] {
        assert_eq!(urls(url).expect("a URL"), expected);
        Hosts::parse(url).expect("a URL that the driver reads");
    }
}

/// A gateway on a standby would refuse every call.
#[test]
fn no_other_server_than_the_primary_can_be_asked_for() {
    for url in ["localhost", "postgres://a,b/d?target_session_attrs=any", "postgres://a,b:port/d"] {
        assert!(matches!(Hosts::parse(url), Err(sqlx::Error::Configuration(_))), "{url}");
    }
}

#[test]
fn the_preferred_server_is_tried_first() {
    let hosts = Hosts::parse("postgres://a,b,c/d").expect("a URL");
    let order = |hosts: &Hosts| hosts.in_order().map(|(place, _)| place).collect::<Vec<_>>();
    assert_eq!((order(&hosts), hosts.preferred().get_host()), (vec![0, 1, 2], "a"));
    hosts.prefer(1);
    assert_eq!((order(&hosts), hosts.preferred().get_host()), (vec![1, 0, 2], "b"));
}

/// The driver takes this machine for a server without a name.
#[test]
fn each_of_several_servers_has_a_name() {
    for hosts in [",", "a,", ",a", "a,,b", "a,:5432", ":5432,a"] {
        let url = format!("postgres://me:p@{hosts}/d");
        assert!(matches!(Hosts::parse(&url), Err(sqlx::Error::Configuration(_))), "{url}");
    }
}

#[test]
fn a_history_that_was_replaced_is_refused() {
    let hosts = Hosts::parse("postgres://a,b/d").expect("a URL");
    let timeline = |cluster, number| Timeline { cluster, number };
    assert!(hosts.may_be_former(0, timeline(7, 1)), "nothing is known yet");
    assert_eq!(hosts.note(timeline(7, 1)), None);
    assert!(!hosts.may_be_former(0, timeline(7, 1)));
    assert!(hosts.may_be_former(1, timeline(7, 1)), "another server than before");
    assert_eq!(hosts.note(timeline(7, 2)), None);
    assert_eq!(hosts.note(timeline(7, 1)), Some(timeline(7, 2)), "a former primary");
    assert_eq!(hosts.note(timeline(7, 2)), None);
    // A database that was restored into a new cluster begins with 1.
    assert_eq!(hosts.note(timeline(8, 1)), None);
    let only = Hosts::parse("postgres://a/d").expect("a URL");
    assert!(!only.may_be_former(0, timeline(7, 1)), "there is no other server");
}
