//! The fields of a check, each a typed key.

use std::time::Duration;

use crate::checks::shared::target::IP_VERSION;
use crate::model::argument::choices;
use crate::model::field::PATIENCE;
use crate::model::table::fields;
use crate::model::{Args, Field, FieldKind, FieldRole, Text};

choices! {
    /// Protocol of ports that are written as numbers alone.
    pub(super) enum Protocol {
        Tcp = "tcp",
        Udp = "udp",
    }
}

const TEXTS: FieldKind = FieldKind::List(&FieldKind::Text);

// One entry of `from`.
fields! { pub(super) SOURCE;
    pub(super) const NAME: Field<Option<Text>> =
        Field::optional("name", FieldKind::Text, "What it is called in `allow`, in ids and in the grid; else its address or namespace.");
    pub(super) const ADDRESS: Field<Option<Text>> = Field::optional(
        "source",
        FieldKind::Text,
        "`self`, or the address of this host to send from.",
    )
    .role(FieldRole::Location);
    pub(super) const NETNS: Field<Option<Text>> =
        Field::optional("netns", FieldKind::Text, "The network namespace of this host to send from (`ip netns list`).").role(FieldRole::Location);
    pub(super) const INTERFACE: Field<Option<Text>> =
        Field::optional("interface", FieldKind::Text, "The interface to send by.").role(FieldRole::Location);
    pub(super) const POD: Field<Option<Text>> = Field::optional(
        "pod",
        FieldKind::Text,
        "Which pod of `network_policies` it is (`NAMESPACE/POD`); it sends from that pod's address.",
    )
    .role(FieldRole::Location);
    pub(super) const AGENT: Field<Option<Text>> =
        Field::optional("agent", FieldKind::Text, "Reserved: a shakedown on another host.");
}

// One entry of `to`.
fields! { pub(super) DESTINATION;
    pub(super) const TO_NAME: Field<Option<Text>> =
        Field::optional("name", FieldKind::Text, "What it is called in `allow`, in ids and in the grid; else its host.");
    pub(super) const HOST: Field<Option<Text>> = Field::optional("host", FieldKind::Host, "Name or address to reach.");
    pub(super) const TO_POD: Field<Option<Text>> =
        Field::optional("pod", FieldKind::Text, "In place of `host`: a pod of `network_policies` (`NAMESPACE/POD`).")
            .role(FieldRole::Location);
}

// One row of `allow`.
fields! { pub(super) ROW;
    pub(super) const ROW_FROM: Field<Vec<Text>> =
        Field::optional("from", TEXTS, "Names of `from`, or `any`.");
    pub(super) const ROW_TO: Field<Vec<Text>> = Field::optional("to", TEXTS, "Names of `to`, or `any`.");
    pub(super) const ROW_PORTS: Field<Vec<Text>> =
        Field::optional("ports", TEXTS, "Ports of `ports`; all of them when left out.");
    pub(super) const ROW_PROTOCOL: Field<Protocol> =
        Field::choice("protocol", "tcp", "Protocol of ports that are written without one (`443`).");
}

fields! { pub(super) FIELDS;
    pub(super) const FROM: Field<Vec<Args>> = Field::required(
        "from",
        FieldKind::List(&FieldKind::GroupOr("source", SOURCE)),
        "Who asks: `self`, addresses of this host, network namespaces of it.",
    );
    pub(super) const TO: Field<Vec<Args>> =
        Field::required("to", FieldKind::List(&FieldKind::GroupOr("host", DESTINATION)), "Whom: hosts, each with a name or without.");
    pub(super) const PORTS: Field<Vec<Text>> =
        Field::required("ports", TEXTS, "Ports of each host: `tcp/443`, `udp/53`, `tcp/8000-8003`; a number alone is one of TCP.");
    pub(super) const ALLOW: Field<Vec<Args>> = Field::optional(
        "allow",
        FieldKind::List(&FieldKind::Group(ROW)),
        "Who may reach whom at which ports. Everything else must be denied.",
    );
    pub(super) const ALLOW_FILE: Field<Option<Text>> =
        Field::optional("allow_file", FieldKind::Path, "Text file with more such rows, one a line: `web,jobs database tcp/5432`; `#` begins a comment.")
            .role(FieldRole::Content);
    pub(super) const NETWORK_POLICIES: Field<Vec<Text>> = Field::optional(
        "network_policies",
        FieldKind::List(&FieldKind::Path),
        "In place of `allow`: files of Kubernetes objects that say it (NetworkPolicy, Pod, Namespace, Service; \
         `kubectl get networkpolicies,pods,namespaces,services -A -o json`).",
    )
    .role(FieldRole::Content);
    use IP_VERSION;
    pub(super) const TIMEOUT: Field<Duration> =
        Field::default("timeout", PATIENCE, "2s", "How long to wait for an answer.").role(FieldRole::Patience);
}
