use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 networks that are not public, as (network, prefix length). Source: the IANA IPv4
/// Special-Purpose Address Registry.
const NOT_PUBLIC_V4: [([u8; 4], u32); 16] = [
    // This network, private networks, shared address space of carriers.
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([172, 16, 0, 0], 12),
    ([192, 168, 0, 0], 16),
    ([100, 64, 0, 0], 10),
    // Loopback and link-local: clouds serve a machine's credentials at 169.254.169.254.
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    // Protocol assignments, 6to4 relays.
    ([192, 0, 0, 0], 24),
    ([192, 88, 99, 0], 24),
    // Documentation and benchmarks.
    ([192, 0, 2, 0], 24),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([198, 18, 0, 0], 15),
    // Multicast, reserved, broadcast.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
    ([255, 255, 255, 255], 32),
];

/// The IPv6 range allocated to the internet. Loopback, unique-local, link-local, site-local and
/// multicast addresses and translations to IPv4 (`64:ff9b::/96`, `64:ff9b:1::/48`) are outside it.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The networks within [`GLOBAL_V6`] that are not public.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, such as Teredo, which embeds an IPv4 address.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation.
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4, which embeds an IPv4 address.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// Whether the address means the same host everywhere on the internet. IPv4-mapped and
/// IPv4-compatible IPv6 addresses are checked as IPv4.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4() {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|&(network, bits)| {
        (address.to_bits() ^ Ipv4Addr::from(network).to_bits()).leading_zeros() >= bits
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let within =
        |(network, bits): (Ipv6Addr, u32)| (address.to_bits() ^ network.to_bits()).leading_zeros() >= bits;
    within(GLOBAL_V6) && !NOT_PUBLIC_V6.into_iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap_or_else(|_| panic!("{text} is an address")))
    }

    /// The first and the last address of every range that is not public.
    #[test]
    fn special_addresses_are_not_public() {
        for text in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.255",
            "192.0.2.0",
            "192.0.2.255",
            "192.88.99.0",
            "192.88.99.255",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.0",
            "198.51.100.255",
            "203.0.113.0",
            "203.0.113.255",
            "224.0.0.0",
            "239.255.255.255",
            "240.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "fc00::",
            "fdff:ffff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "ff00::",
            "ff02::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "2001::",
            "2001:0:1::1",
            "2001:1ff:ffff::1",
            "2001:db8::",
            "2001:db8:ffff::1",
            "2002::",
            "2002:808:808::1",
            "2002:ffff::1",
            "3fff::1",
            "3fff:fff::1",
            "100::1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "1fff:ffff::1",
            "4000::",
            "5f00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::10.0.0.1",
            "::ffff:0:127.0.0.1",
        ] {
            assert!(!public(text), "{text}");
        }
    }

    /// The neighbours of those ranges, and public IPv4 addresses embedded in IPv6.
    #[test]
    fn other_addresses_are_public() {
        for text in [
            "1.0.0.0",
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.1.255",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:db7:ffff::1",
            "2001:db9::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700:4700::1111",
            "3ffe:ffff::1",
            "3fff:1000::1",
            "::ffff:8.8.8.8",
            "::8.8.8.8",
        ] {
            assert!(public(text), "{text}");
        }
    }
}
