// Loads certificates and keys from files into a TLS context; used inside tls only.
//
// STANDARDS  RFC 7468 (PEM)
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

struct ssl_ctx_st;

namespace pennypost {

/// A host's certificate chain and key. Files of chains hold keys, each followed by its chain, and
/// may go on in the next file; they stand in place of the other two.
struct CertificateFiles {
  std::string certificate_file;  // PEM: the chain, the host's own first
  std::string key_file;          // PEM; empty: in the same file
  std::vector<std::string> chain_files;

  bool empty() const { return certificate_file.empty() && chain_files.empty(); }
  friend auto operator<=>(const CertificateFiles&, const CertificateFiles&) = default;
};

/// Error: names the file, what is wrong and the remedy.
Result<void> load_certificates(ssl_ctx_st* context, const CertificateFiles& files);

/// Loads the certificates that are trusted: a file, a directory, or both. The directory is read
/// now: later, in a changed root, there is none.
Result<void> load_authorities(ssl_ctx_st* context, const std::string& file,
                              const std::string& directory);

}  // namespace pennypost
