//! Certificates that this system trusts, for drivers that would use built-in ones.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;

/// The system's root certificates in PEM form, without those in obsolete formats: a driver rejects
/// the whole list for one of them.
pub(crate) fn system_roots_pem() -> Vec<u8> {
    let found = rustls_native_certs::load_native_certs().certs;
    let good = found.into_iter().filter(|it| RootCertStore::empty().add(it.clone()).is_ok());
    let pem = good.map(|certificate| {
        let body = STANDARD.encode(&certificate);
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    });
    pem.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    #[test]
    fn every_certificate_can_be_read_again() {
        for certificate in CertificateDer::pem_slice_iter(&system_roots_pem()) {
            RootCertStore::empty().add(certificate.unwrap()).unwrap();
        }
    }
}
