//! Certificates made by `openssl`, each authority in a folder of its own.

use std::path::{Path, PathBuf};

use super::peer::OPENSSL;
use super::printed;

const CONFIG: &str = "\
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
[server]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:www.peer.test, DNS:*.app.peer.test, IP:127.0.0.1
[client]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
";
/// A new ECDSA key.
pub const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/// A new RSA key.
pub const NEW_RSA_KEY: [&str; 3] = ["-newkey", "rsa:2048", "-nodes"];

/// An authority.
pub struct Authority(PathBuf);

/// A certificate with its key.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new(folder: PathBuf) -> Self {
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("ca.cnf"), CONFIG).unwrap();
        std::fs::write(folder.join("index.txt"), "").unwrap();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let subject = format!("/O=Peer Tests/CN={name}");
        openssl(
            &folder,
            &["req", "-x509", "-days", "30", "-keyout", "ca.key", "-out", "ca.pem", "-subj", &subject],
            &NEW_KEY,
        );
        Self(folder)
    }

    /// The authority whose files are in `folder` already.
    pub fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// An authority that this one certified, with its files in `folder`.
    pub fn below(&self, folder: PathBuf) -> Self {
        let extensions = "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\n\
            subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n";
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let own = self.issued(&name, &NEW_KEY, extensions, &["-days", "30"]);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("ca.cnf"), CONFIG).unwrap();
        std::fs::write(folder.join("index.txt"), "").unwrap();
        std::fs::copy(own.certificate, folder.join("ca.pem")).unwrap();
        std::fs::copy(own.key, folder.join("ca.key")).unwrap();
        Self(folder)
    }

    /// A certificate for `CN=name` with a key and extensions as `openssl` takes them.
    pub fn issued(&self, name: &str, key: &[&str], extensions: &str, validity: &[&str]) -> Identity {
        let file = |ending: &str| format!("{name}.{ending}");
        std::fs::write(self.0.join(file("ext")), extensions).unwrap();
        let subject = format!("/O=Peer Tests/CN={name}");
        openssl(&self.0, &["req", "-new", "-keyout", &file("key"), "-out", &file("csr"), "-subj", &subject], key);
        let sign = ["ca", "-config", "ca.cnf", "-batch", "-notext", "-cert", "ca.pem", "-keyfile", "ca.key"];
        let (request, out, extensions) = (file("csr"), file("pem"), file("ext"));
        openssl(&self.0, &sign, &[&["-in", &request, "-out", &out, "-extfile", &extensions], validity].concat());
        Identity { certificate: self.0.join(out), key: self.0.join(file("key")) }
    }

    /// Another command of `openssl`, in the folder of this authority.
    pub fn openssl(&self, args: &[&str]) {
        openssl(&self.0, args, &[]);
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The certificate clients trust.
    pub fn root(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// A server's certificate that is valid today.
    pub fn server(&self) -> Identity {
        self.issue("server", &["-days", "7"])
    }

    /// One that was valid in January 2020.
    pub fn expired_server(&self) -> Identity {
        self.issue("server", &["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"])
    }

    /// A client's.
    pub fn client(&self) -> Identity {
        self.issue("client", &["-days", "7"])
    }

    fn issue(&self, kind: &str, validity: &[&str]) -> Identity {
        let (key, request, out) = (format!("{kind}.key"), format!("{kind}.csr"), format!("{kind}.pem"));
        let subject = if kind == "server" { "/O=Peer Tests/CN=www.peer.test" } else { "/O=Peer Tests/CN=a client" };
        openssl(&self.0, &["req", "-new", "-keyout", &key, "-out", &request, "-subj", subject], &NEW_KEY);
        let sign = ["ca", "-config", "ca.cnf", "-batch", "-notext", "-cert", "ca.pem", "-keyfile", "ca.key"];
        openssl(&self.0, &sign, &[&["-in", &request, "-out", &out, "-extensions", kind], validity].concat());
        Identity { certificate: self.0.join(out), key: self.0.join(key) }
    }
}

impl Identity {
    /// The output of `openssl x509` about it, the name of the field left out.
    pub fn shown(&self, option: &str) -> String {
        let mut command = OPENSSL.command();
        command.args(["x509", "-noout", "-sha256", "-nameopt", "sep_comma_plus_space", "-dateopt", "iso_8601", option]);
        let text = printed(command.arg("-in").arg(&self.certificate));
        text.split_once('=').unwrap_or_else(|| panic!("{text}")).1.trim().to_owned()
    }

    /// The names it is for, as `openssl x509` prints them.
    pub fn names(&self) -> Vec<String> {
        let mut command = OPENSSL.command();
        let text = printed(command.args(["x509", "-noout", "-ext", "subjectAltName", "-in"]).arg(&self.certificate));
        let names = text.lines().nth(1).unwrap_or_else(|| panic!("{text}")).split(", ");
        names.map(|name| name.trim().trim_start_matches("DNS:").trim_start_matches("IP Address:").to_owned()).collect()
    }
}

fn openssl(folder: &Path, args: &[&str], more: &[&str]) {
    printed(OPENSSL.command().current_dir(folder).args(args).args(more));
}
