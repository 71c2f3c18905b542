//! Addresses by what is behind them: the public network, or something that only an insider may reach.
//!
//! The ranges are those of the IANA special-purpose address registries (RFC 6890), and the addresses at which clouds
//! hand out credentials.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What is behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressClass {
    /// Anybody's.
    Public,
    /// This machine.
    Loopback,
    /// The networks of RFC 1918, RFC 6598 and RFC 4193: the operator's own.
    Private,
    /// The neighbours on the same wire.
    LinkLocal,
    /// Where a cloud hands out the credentials of the machine.
    Metadata,
    /// Everything else that is no host on the public network: multicast, documentation, the future.
    Reserved,
}

/// The metadata services of the large clouds: AWS, Azure, Google, Oracle (most of them at the first), AWS's containers,
/// Azure's own, Oracle's old one, Alibaba's.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(100, 100, 100, 200),
];

/// The same over IPv6: AWS, AWS's containers, Google.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

impl AddressClass {
    /// Every class that a manifest can name.
    const NAMED: [Self; 4] = [Self::Loopback, Self::Private, Self::LinkLocal, Self::Metadata];

    /// What is behind `address`. One that stands for another (mapped, translated, tunnelled) is what that is.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        if METADATA_V4.contains(&address) {
            return Self::Metadata;
        }
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [169, 254, ..] => Self::LinkLocal,
            [0, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => Self::Reserved,
            [198, 51, 100, _] | [203, 0, 113, _] | [224..=255, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if METADATA_V6.contains(&address) {
            return Self::Metadata;
        }
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::LinkLocal,
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Self::of_v4(v4(high, low)),
            [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3ff0..=0x3fff, 0..=0xfff, ..] => Self::Reserved,
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Reserved,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Metadata => "metadata",
            Self::Reserved => "reserved",
        }
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Addresses that a manifest names: a class, or a network as in `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressRange {
    /// All of a class.
    Class(AddressClass),
    /// Those whose first `bits` are those of `network`.
    Network {
        /// The first address.
        network: IpAddr,
        /// How many bits they have in common.
        bits: u8,
    },
}

/// Why a text names no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressRangeError {
    /// Neither a class nor a network.
    #[error("{0:?} is neither `loopback`, `private`, `link-local` or `metadata` nor a network, as in 10.1.0.0/16")]
    Unknown(String),
    /// An IPv4 address in the clothes of IPv6.
    #[error("an IPv4 network is written as one: it begins at {0}")]
    Mapped(IpAddr),
    /// More bits than the address has.
    #[error("an address of {0} has no more than {1} bits")]
    Bits(&'static str, u8),
    /// Not the first address of its network.
    #[error("the network of {0} begins at {1}")]
    NotFirst(String, IpAddr),
}

impl AddressRange {
    /// Whether `address` is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match *self {
            AddressRange::Class(class) => AddressClass::of(address) == class,
            AddressRange::Network { network, bits } => first_of(address.to_canonical(), bits) == Some(network),
        }
    }
}

/// The first address of the network of `address` with so many bits, if it has so many.
fn first_of(address: IpAddr, bits: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let below = 32_u32.checked_sub(bits.into())?;
            Some(Ipv4Addr::from_bits(address.to_bits() & u32::MAX.checked_shl(below).unwrap_or(0)).into())
        }
        IpAddr::V6(address) => {
            let below = 128_u32.checked_sub(bits.into())?;
            Some(Ipv6Addr::from_bits(address.to_bits() & u128::MAX.checked_shl(below).unwrap_or(0)).into())
        }
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let unknown = || AddressRangeError::Unknown(text.into());
        if let Some(class) = AddressClass::NAMED.into_iter().find(|class| class.name() == text) {
            return Ok(Self::Class(class));
        }
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) => (network, Some(bits.parse::<u8>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| unknown())?;
        if network.to_canonical() != network {
            return Err(AddressRangeError::Mapped(network.to_canonical()));
        }
        let (family, most) = if network.is_ipv4() { ("IPv4", 32) } else { ("IPv6", 128) };
        let bits = bits.unwrap_or(most);
        match first_of(network, bits) {
            None => Err(AddressRangeError::Bits(family, most)),
            Some(first) if first != network => Err(AddressRangeError::NotFirst(text.into(), first)),
            Some(network) => Ok(Self::Network { network, bits }),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressRange::Class(class) => class.fmt(f),
            AddressRange::Network { network, bits } => write!(f, "{network}/{bits}"),
        }
    }
}
