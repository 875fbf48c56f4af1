//! What a scripted server does otherwise than a good one.

/// A fault or a habit of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Quirk {
    /// Says nothing.
    Silent,
    /// Nothing over TCP: the connection is accepted and left alone.
    MuteTcp,
    /// Does not have the zone.
    Refuses,
    /// SERVFAIL.
    Failing,
    /// SERVFAIL to queries without EDNS.
    FailsPlain,
    /// REFUSED to queries without EDNS.
    RefusesPlain,
    /// NOTIMP to queries without EDNS.
    NotimpPlain,
    /// REFUSED to questions for DNSKEY.
    RefusesDnskey,
    /// NOTIMP to questions for DNSKEY.
    NotimpDnskey,
    /// FORMERR to a query with EDNS, with an OPT record of its own.
    FormerrWithOpt,
    /// SERVFAIL to questions for DNSKEY over UDP.
    FailsLargeUdp,
    /// SERVFAIL to questions for DNSKEY over TCP.
    FailsLargeTcp,
    /// SERVFAIL to questions for AAAA.
    FailsAaaa,
    /// SERVFAIL to questions for DS.
    FailsDs,
    /// SERVFAIL to questions for DNSKEY.
    FailsDnskey,
    /// Says nothing to a query with EDNS.
    DropsEdns,
    /// Takes any opcode for QUERY.
    AnyOpcode,
    /// Sends the reserved bit of the header back.
    EchoesZ,
    /// FORMERR to a query with AD.
    RefusesAd,
    /// Says nothing to a query with CD.
    DropsCd,
    /// Has the zone, but no records in any answer.
    Empty,
    /// Answers without AA.
    NoAuthority,
    /// Answers without AA to questions for `www`.
    NoAuthorityOfWww,
    /// Another answer over TCP.
    OtherOverTcp,
    /// Cannot read EDNS.
    Formerr,
    /// Answers without OPT.
    NoOpt,
    /// Says nothing to an EDNS option.
    DropsOption,
    /// Sends an unknown option back.
    EchoesOption,
    /// Sends an unknown flag back.
    EchoesFlag,
    /// Takes any EDNS version.
    AnyVersion,
    /// Never cuts.
    Oversized,
    /// Cuts without TC.
    CutsSilently,
    /// Sets TC on everything.
    AlwaysTc,
    /// Sends the question back in lower case.
    LowerCase,
    /// Finds nothing that is not asked for in lower case.
    CaseSensitive,
    /// Looks up anything for anybody.
    Open,
    /// Offers recursion, fails at it.
    OpenFailing,
    /// Refers to the root.
    Upward,
    /// Tells its version.
    Version,
    /// Answers come from another port.
    OtherSource,
    /// Denies the names between others.
    NoEmptyNames,
    /// Denies without a SOA.
    BareDenial,
    /// Denies with a SOA that lives longer than the denial.
    LongDenial,
    /// SERVFAIL for names that are not there.
    FailsAbsent,
    /// SERVFAIL to questions for types of private use.
    FailsPrivate,
    /// Transfers the zone.
    Axfr,
    /// Transfers the zone, one record per message, questions left out after the first.
    AxfrPieces,
    /// A transfer that never ends.
    AxfrEndless,
    /// A transfer that is cut off.
    AxfrCut,
    /// A transfer that comes byte by byte.
    AxfrDrips,
    /// Hangs up on a transfer.
    AxfrCloses,
    /// Takes the request for a transfer, and says nothing.
    AxfrMute,
    /// Delegates instead of answering.
    Parent,
    /// Answers recursively from its records.
    Resolver,
    /// Tells a name of its own (NSID).
    Nsid,
}
