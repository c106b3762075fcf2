// States what a client asks of one TLS server, and how far the server's certificate is believed.
//
// A context says what is the same for all servers; a ServerDemand adds the rest: the name for SNI,
// the names of which the certificate must have one, TLSA records or trust anchors that replace the
// authorities, and narrower versions and ciphers. The handshake does not fail over a certificate:
// TlsStream::trust() tells what it is worth, and the caller decides.
//
// LIMITS     tlsa_records_max, trust_anchors_max
// STANDARDS  RFC 6698, RFC 7671 and RFC 7672 (DANE), RFC 6125 (names in certificates)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/tls_versions.h"

struct ssl_st;

namespace pennypost {

inline constexpr std::size_t tlsa_records_max = 100;
inline constexpr std::size_t trust_anchors_max = 100;

/// RFC 6698 section 2.1: a certificate, a public key or the digest of one.
struct CertificateAssociation {
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching = 0;
  std::string data;
  friend bool operator==(const CertificateAssociation&, const CertificateAssociation&) = default;
};

/// How far a certificate is believed. Anonymous: there is none; Untrusted: by nobody that we trust;
/// Trusted: by somebody that we trust, for another name or no name was asked for; Verified: it is
/// that of the server that was asked for.
enum class PeerTrust : std::uint8_t { Anonymous, Untrusted, Trusted, Verified };
constexpr PeerTrust wire_last(PeerTrust) { return PeerTrust::Verified; }
/// The word in the log: `Verified`.
std::string_view name_of(PeerTrust trust);

struct ServerDemand {
  std::string server_name;         // for SNI; empty: none is sent
  std::vector<std::string> names;  // of which the certificate must have one; `.example.com`: any
                                   // name below it. Empty: none is asked for
  std::vector<CertificateAssociation> associations;  // they replace the authorities; empty: none
  std::optional<TlsVersions> versions;               // in place of the context's
  std::string cipher_list;                           // OpenSSL's notation; empty: the context's
  int depth_max = 9;  // certificates between the server's and one that we trust
};

/// Sets the connection up for it. Error: no such cipher.
Result<void> apply(const ServerDemand& demand, ssl_st* connection);

/// Whether a certificate can be compared with this one of a TLSA record: usage 2 or 3 (RFC 7672
/// section 3.1 has no use for the others), a known selector and digest, and well-formed data.
bool is_usable(const CertificateAssociation& association);

/// The certificates and public keys of a PEM text, each as a trust anchor. Error: there is none, or
/// one is malformed.
Result<std::vector<CertificateAssociation>> trust_anchors(std::string_view pem);

}  // namespace pennypost
