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
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/tls/ticket_keys.h"

struct ssl_ctx_st;

namespace pennypost {

class TlsContext {
 public:
  struct ServerSettings {
    std::string certificate_file;  // PEM: the chain, the host's own first
    std::string key_file;          // PEM; may be the same file
    std::string minimum_protocol = "TLSv1.2";
    std::string cipher_list;  // OpenSSL's notation for TLS 1.2; empty: the library's default
    std::shared_ptr<TicketKeys> tickets;  // null: no session is ever resumed
    std::chrono::seconds ticket_lifetime{3600};
  };
  struct ClientSettings {
    bool verify = false;  // against the CAs below, and the name
    std::string ca_file;  // PEM; both empty: the system's. Read now, also the directory, so that
    std::string ca_path;  // the context works in a changed root
    std::string minimum_protocol = "TLSv1.2";
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
  bool verifies() const { return verifies_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
  std::shared_ptr<TicketKeys> tickets_;
  bool verifies_ = false;
};

}  // namespace pennypost
