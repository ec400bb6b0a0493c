//! TLS 1.3 with raw public keys (RFC 7250) in both directions.
//!
//! The key proves itself with a signature by the host's signer and is checked
//! by the workspace's one Ed25519 rule; no certificate is involved.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use icn_types::key::{PeerId, PublicKey, Signature};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerMisbehaved, ServerConfig, SignatureAlgorithm, SignatureScheme,
};

use crate::config::{BindError, HostSigner};

/// Names this protocol in the handshake; another version is another name.
const ALPN: &[u8] = b"icn-frames/1";

/// SubjectPublicKeyInfo of Ed25519 up to the key (RFC 8410, 4).
const SPKI_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// The handshake of this end, to accept and to dial with.
pub(crate) struct Identity {
    provider: Arc<CryptoProvider>,
    key: Arc<CertifiedKey>,
}

impl Identity {
    pub(crate) fn new(signer: HostSigner) -> Self {
        let spki = CertificateDer::from(spki(&signer.public_key()));
        Self {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            key: Arc::new(CertifiedKey::new(vec![spki], Arc::new(HostKey(signer)))),
        }
    }

    /// Accepts exactly `allowed`.
    pub(crate) fn server(&self, allowed: BTreeSet<PeerId>) -> Result<QuicServerConfig, BindError> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls)?
            .with_client_cert_verifier(Arc::new(Allowed(allowed)))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(
                Arc::clone(&self.key),
            )));
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Every handshake proves both keys afresh.
        config.send_tls13_tickets = 0;
        QuicServerConfig::try_from(config).map_err(tls)
    }

    /// Dials `peer` and nobody else.
    pub(crate) fn client(&self, peer: PeerId) -> Result<QuicClientConfig, BindError> {
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Allowed(BTreeSet::from([peer]))))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
                Arc::clone(&self.key),
            )));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.resumption = Resumption::disabled();
        QuicClientConfig::try_from(config).map_err(tls)
    }
}

/// The peer that a finished handshake proved.
pub(crate) fn proven(connection: &quinn::Connection) -> Option<PeerId> {
    let identity = connection.peer_identity()?;
    let keys: Box<Vec<CertificateDer<'static>>> = identity.downcast().ok()?;
    peer_of(keys.first()?).ok()
}

fn tls(source: impl std::error::Error + Send + Sync + 'static) -> BindError {
    BindError::Tls {
        source: Box::new(source),
    }
}

fn spki(key: &PublicKey) -> Vec<u8> {
    [&SPKI_PREFIX[..], key.as_bytes()].concat()
}

fn peer_of(spki: &[u8]) -> Result<PeerId, Error> {
    let key = spki
        .strip_prefix(&SPKI_PREFIX)
        .and_then(|key| key.try_into().ok())
        .ok_or(CertificateError::BadEncoding)?;
    let key = PublicKey::from_bytes(key).map_err(|_| CertificateError::BadEncoding)?;
    Ok(PeerId::new(key))
}

/// Signs handshakes; the seed stays with the host.
struct HostKey(HostSigner);

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({:?})", self.0.public_key())
    }
}

impl SigningKey for HostKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ED25519)
            .then(|| Box::new(Self(Arc::clone(&self.0))) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(spki(&self.0.public_key()).into())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for HostKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match self.0.sign(message) {
            Ok(signature) => Ok(signature.as_bytes().to_vec()),
            Err(error) => Err(Error::General(error.to_string())),
        }
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// Accepts the keys of these peers, as either end of a handshake.
#[derive(Debug)]
struct Allowed(BTreeSet<PeerId>);

impl Allowed {
    fn admit(&self, spki: &[u8]) -> Result<(), Error> {
        if self.0.contains(&peer_of(spki)?) {
            return Ok(());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn check(
        message: &[u8],
        spki: &[u8],
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if signed.scheme != SignatureScheme::ED25519 {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        }
        let signature = signed
            .signature()
            .try_into()
            .map(Signature::from_bytes)
            .map_err(|_| CertificateError::BadSignature)?;
        peer_of(spki)?
            .key()
            .verify(message, &signature)
            .map_err(|_| CertificateError::BadSignature)?;
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Allowed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.admit(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::check(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Allowed {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.admit(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Self::check(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
