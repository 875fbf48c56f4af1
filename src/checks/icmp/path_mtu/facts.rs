//! The facts of a search for the MTU of the path.

use crate::checks::icmp::facts::ADDRESS;
use crate::model::table::facts;
use crate::model::{Fact, Rule, Unit};

facts! { pub(in crate::checks::icmp) OWN;
    pub(super) const PATH_MTU: Fact<i64> = Fact::integer(
        "path_mtu",
        Unit::Bytes,
        "Largest IP packet that the path carries without fragmentation: one of it was answered, and none that is a byte longer.",
    )
    .ruled(Rule::Same)
    .headline()
    .on_breach("a link on the way carries less, a tunnel most often: find it with `tracepath -n`, and raise its MTU or lower what is expected");
    pub(super) const BLACK_HOLE: Fact<bool> = Fact::flag(
        "path_mtu.black_hole",
        "Longer packets vanish, and no router says so: connections that send them hang.",
    )
    .ruled(Rule::Same)
    .expected("false")
    .on_breach(
        "somebody drops the errors that routers send (ICMP type 3 code 4, ICMPv6 type 2): allow them on the way, raise the MTU of the link, or clamp the MSS \
         of TCP there",
    );
    pub(super) const ROUTER: Fact<String> =
        Fact::address("path_mtu.router", "Who reported the smallest MTU. Absent where nobody reported one.");
    pub(super) const REPORTED: Fact<i64> =
        Fact::integer("path_mtu.reported", Unit::Bytes, "Smallest MTU that a router reported.").ruled(Rule::Same);
    pub(super) const INTERFACE: Fact<i64> = Fact::integer(
        "path_mtu.interface",
        Unit::Bytes,
        "Longest packet that was tried: what the interface of this host carries.",
    );
}

facts! { pub(in crate::checks::icmp) FACTS;
    use ADDRESS;
    use PATH_MTU;
    use BLACK_HOLE;
    use ROUTER;
    use REPORTED;
    use INTERFACE;
}
