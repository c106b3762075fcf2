// Makes TLS contexts from certificates, keys and the requirements on a peer.
//
// A context is made once and shared by all connections; at reload a new one is made, and sessions
// keep theirs. Servers use TLS 1.2 and up, and the server's order of ciphers; sessions are resumed
// only by tickets, so no process must remember them. Clients are opportunistic unless told to
// verify (RFC 7435).
//
// STANDARDS  RFC 8446 (TLS 1.3), RFC 8314 (implicit TLS for mail), RFC 6125 (names in certificates)
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/config/tls_versions.h"
#include "common/tls/certificate_files.h"
#include "common/tls/ticket_keys.h"

struct ssl_ctx_st;

namespace pennypost {

class TlsContext {
 public:
  /// What is asked of clients.
  struct ClientCertificates {
    bool are_asked = false;
    bool are_required = false;  // no handshake without one; whether it is trusted is for the caller
    std::string ca_file;        // PEM; what we trust. Both empty: nothing
    std::string ca_path;
    int depth_max = 9;  // certificates between a client's and one that we trust
    friend auto operator<=>(const ClientCertificates&, const ClientCertificates&) = default;
  };
  /// Another certificate for those who ask for a name: `mail.example.com`, or `.example.com` for
  /// all below it.
  struct NamedCertificate {
    std::string name;
    std::vector<std::string> chain_files;
    friend auto operator<=>(const NamedCertificate&, const NamedCertificate&) = default;
  };
  struct ServerSettings {
    CertificateFiles certificate;
    std::vector<NamedCertificate> named;
    TlsVersions versions;
    std::string cipher_list;  // OpenSSL's notation for TLS 1.2; empty: the library's default
    ClientCertificates clients;
    std::shared_ptr<TicketKeys> tickets;  // null: no session is ever resumed
    std::chrono::seconds ticket_lifetime{3600};
    friend bool operator==(const ServerSettings&, const ServerSettings&) = default;
  };
  struct ClientSettings {
    bool verify = false;  // against the CAs below, and the name
    // A certificate never ends the handshake: TlsStream::trust() tells what it is worth. DANE is
    // possible only with this.
    bool is_report_only = false;
    std::string ca_file;  // PEM; both empty: the system's. Read now, also the directory, so that
    std::string ca_path;  // the context works in a changed root
    CertificateFiles certificate;  // by which we show who we are; none: we do not
    TlsVersions versions;
    std::string cipher_list;
  };

  /// Errors name the file, what is wrong and the remedy.
  static Result<std::shared_ptr<TlsContext>> server(const ServerSettings& settings);
  static Result<std::shared_ptr<TlsContext>> client(const ClientSettings& settings);

  /// Loads what OpenSSL would otherwise open later (providers, random source), so that it works in
  /// a chroot.
  static void prepare_for_chroot();

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ssl_ctx_st* native() const { return context_; }
  /// When the certificate that is shown ends, in seconds since 1970; nothing: there is none.
  std::optional<std::int64_t> certificate_end() const;
  bool verifies() const { return verifies_; }
  bool reports() const { return reports_; }
  bool asks_clients() const { return asks_clients_; }
  /// The context with the certificate of a name; null where there is none of its own.
  TlsContext* named(std::string_view name) const;

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
  std::shared_ptr<TicketKeys> tickets_;
  std::map<std::string, std::shared_ptr<TlsContext>, std::less<>> named_;
  bool verifies_ = false;
  bool reports_ = false;
  bool asks_clients_ = false;
};

/// What a host speaks TLS with to next hops; made by who can read the files, before any change of
/// root. Null: there is none.
struct ClientContexts {
  std::shared_ptr<TlsContext> opportunistic;
  std::shared_ptr<TlsContext> mandatory;
  std::shared_ptr<TlsContext> verifying;
};

}  // namespace pennypost
