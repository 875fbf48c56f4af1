//! Which labels a selector matches, and which addresses a block holds.

use std::net::IpAddr;

use super::objects::{LabelOperator, LabelRequirement, LabelSelector, Labels};

impl LabelSelector {
    /// Whether all of it holds of these labels; an empty selector matches everything.
    pub(super) fn matches(&self, labels: &Labels) -> bool {
        let is = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        self.match_labels.iter().all(is) && self.match_expressions.iter().all(|one| one.matches(labels))
    }

    /// What the API server would refuse.
    pub(super) fn validate(&self) -> Result<(), (String, String)> {
        for (at, one) in self.match_expressions.iter().enumerate() {
            let wants_values = matches!(one.operator, LabelOperator::In | LabelOperator::NotIn);
            if wants_values == one.values.is_empty() {
                let wants = if wants_values { "needs `values`" } else { "has no `values`" };
                let path = format!(".matchExpressions[{at}]");
                return Err((path, format!("`operator: {}` {wants}", one.operator.word())));
            }
        }
        Ok(())
    }
}

impl LabelOperator {
    fn word(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
        }
    }
}

impl LabelRequirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        let is_among = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            LabelOperator::In => is_among,
            // A label that is not there has none of the values.
            LabelOperator::NotIn => !is_among,
            LabelOperator::Exists => value.is_some(),
            LabelOperator::DoesNotExist => value.is_none(),
        }
    }
}

/// An address block, such as `192.0.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    address: IpAddr,
    length: u32,
}

impl Cidr {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let (address, digits): (IpAddr, _) = (address.parse().ok()?, length.bytes().all(|byte| byte.is_ascii_digit()));
        let length = length.parse().ok().filter(|length| digits && *length <= bits(address))?;
        Some(Self { address, length })
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let shift = bits(self.address) - self.length;
        let high = |address| number(address).checked_shr(shift).unwrap_or_default();
        self.address.is_ipv4() == address.is_ipv4() && high(self.address) == high(address)
    }

    /// Whether it holds all of `other`, and more.
    pub(super) fn is_wider_than(&self, other: &Self) -> bool {
        self.length < other.length && self.contains(other.address)
    }
}

fn bits(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => four.to_bits().into(),
        IpAddr::V6(six) => six.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::Cidr;

    #[test]
    fn a_block_holds_the_addresses_with_its_prefix() {
        for (block, address, holds) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.77/24", "192.0.2.1", true),
            ("192.0.2.7/32", "192.0.2.7", true),
            ("192.0.2.7/32", "192.0.2.6", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
            ("2001:db8::/33", "2001:db8:8000::", false),
        ] {
            assert_eq!(Cidr::parse(block).unwrap().contains(address.parse().unwrap()), holds, "{block} {address}");
        }
        for text in
            ["192.0.2.0", "192.0.2.0/33", "::/129", "192.0.2.0/", "192.0.2.0/+8", "192.0.2/24", "010.0.0.0/8", "a/8"]
        {
            assert_eq!(Cidr::parse(text), None, "{text}");
        }
        let wider = |a: &str, b: &str| Cidr::parse(a).unwrap().is_wider_than(&Cidr::parse(b).unwrap());
        assert!(wider("10.0.0.0/8", "10.1.0.0/16") && !wider("10.0.0.0/8", "10.0.0.0/8"));
        assert!(!wider("10.0.0.0/8", "11.0.0.0/16") && !wider("10.1.0.0/16", "10.0.0.0/8"));
    }
}
