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
mod tests;
