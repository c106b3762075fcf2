// Implements what POP3's, IMAP's and ManageSieve's dialogues before login have in common.
//
// That is what may be offered at the moment (STARTTLS, passwords, SASL mechanisms), the exchange
// with auth, its limits, and the log lines. The commands are in popd and imapd.
//
// STANDARDS  RFC 5034 (POP3 AUTH), RFC 9051 sections 6.2.1 and 6.2.2
// SEE ALSO   auth.h (who checks), login_process.h (who starts it)
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/log/log.h"
#include "common/net/connection.h"
#include "common/net/trace.h"
#include "common/session/client_identity.h"
#include "common/session/sasl_offer.h"
#include "common/session/security.h"
#include "common/tls/context.h"
#include "store/login/auth.h"

namespace pennypost::store {

/// What is known of the client before it says anything.
struct LoginClient {
  Service service = Service::Pop3;
  IpAddress address = IpAddress::loopback4();
  IpAddress local = IpAddress::loopback4();
  std::string session_id;
  std::shared_ptr<TlsContext> tls;  // null: no STARTTLS
  TraceDesk* traces = nullptr;      // null: no dialogue is ever watched
  /// Set if the client was logged in before (UNAUTHENTICATE): it expects no greeting, and its TLS,
  /// if it has any, ends in another process.
  struct Past {
    bool is_encrypted = false;
    TlsFacts tls;
  };
  std::optional<Past> past;
};

/// An authenticated client.
struct LoginSuccess {
  AuthAnswer answer;
  /// For the worker, which answers the command that logged in: IMAP's tag.
  std::string state;
};

class LoginSession {
 public:
  virtual ~LoginSession() = default;
  LoginSession(const LoginSession&) = delete;
  LoginSession& operator=(const LoginSession&) = delete;

  /// Before serve(): asks auth what may be offered, if that depends on its users.
  Task<> learn_offer();
  /// From the greeting until the client is authenticated, or has given up (nothing). May throw
  /// Disconnected.
  virtual Task<std::optional<LoginSuccess>> serve() = 0;
  /// The lines that tell an authenticated client that it can't be served; with `is_limit`, because
  /// it has too many sessions.
  virtual std::string refusal(const LoginSuccess& success, bool is_limit) const = 0;
  /// The last line to a client that has been silent too long; empty for none.
  virtual std::string_view farewell() const { return {}; }

  /// The last line to a client that has not logged in when the server ends.
  virtual std::string_view stop_notice() const = 0;
  /// The server ends: tells a client that has not logged in, and disconnects it.
  void stop();

  /// For the log; it has views into this object.
  LogLogin log_entry() const;
  /// Why a dialogue without success ended, with the number of attempts, which fail2ban's rules for
  /// Dovecot look for: `Aborted login (auth failed, 2 attempts in 5 secs)`.
  std::string reason_text(std::string_view why) const;
  int attempts() const { return attempts_; }
  const LoginClient& client() const { return client_; }
  const TlsFacts& tls_facts() const { return tls_facts_; }

 protected:
  /// `name` is the protocol's in the log: pop3.
  LoginSession(std::string_view name, Connection& connection, std::shared_ptr<const Config> config,
               LoginClient client, AuthPort& auth);

  Connection& connection() { return connection_; }
  const Settings& settings() const { return settings_; }
  bool is_encrypted() const { return security_.is_encrypted; }
  bool can_start_tls() const { return client_.tls != nullptr && !is_encrypted(); }
  bool allows_plaintext() const;
  /// Whether this client may log in at all: on an encrypted connection, and with a certificate, if
  /// the settings want that.
  bool may_log_in() const;
  SaslOffer offer() const;

  /// Whether an admin wants to watch dialogues.
  bool is_traced() const { return trace_.is_asked(); }
  /// Shows a command to an admin who watches; `line` has no secret in it. Empty: nothing was said
  /// yet.
  void show(std::string_view line);
  /// The same for a command that may hold one: its name, if it is known, and no argument.
  void show_name(std::string_view name);

  /// Sends pending output and does the TLS handshake. Throws Disconnected.
  Task<> start_tls(Duration handshake_limit);

  enum class Outcome {
    Success,         // take_success() returns it
    Refused,         // a wrong password; the failure delay is over
    Unavailable,     // auth can't be reached
    Cancelled,       // by the client's `*`
    NotBase64,       // or too long
    UnexpectedData,  // instead of an empty response to the mechanism's final message
  };
  /// Begins with the mechanism and perhaps the initial response of `step`; further responses are
  /// asked for with put_challenge().
  Task<Outcome> exchange(AuthStep step);
  /// Whether there were so many wrong passwords that the connection must be closed.
  bool is_exhausted() const { return failures_ >= settings_.login_tries_max; }
  bool has_success() const { return success_.has_value(); }
  /// What the mechanism says with its success, if tells_success_data(); else empty.
  std::string_view success_data() const {
    return success_ ? std::string_view(success_->answer.challenge) : std::string_view();
  }
  std::optional<LoginSuccess> take_success(std::string state);

  // How the protocol carries an exchange. As here, unless it is overridden: `+ base64`, and a line
  // of base64.
  virtual void put_challenge(std::string_view base64);
  /// The client's answer, of at most `bytes_max`, still in base64; nothing if it is none.
  virtual Task<std::optional<std::string>> read_response(std::size_t bytes_max);
  /// Whether the answer to the command that logs in carries the mechanism's final message. If not,
  /// it is sent as one more challenge.
  virtual bool tells_success_data() const { return false; }

 private:
  /// Puts the client's answer to a challenge into `response`.
  Task<Outcome> ask_client(const std::string& challenge, std::string& response);

  std::string_view name_;
  Connection& connection_;
  std::shared_ptr<const Config> config_;
  const Settings& settings_;
  LoginClient client_;
  std::string address_;
  std::string local_address_;
  AuthPort& auth_;
  SessionTrace trace_;
  SteadyTime since_;
  Security security_;
  TlsFacts tls_facts_;  // once there is a TLS connection
  bool scram_serves_all_ = false;
  std::string method_;
  std::string attempted_login_;
  int attempts_ = 0;
  std::uint64_t failures_ = 0;
  std::optional<LoginSuccess> success_;
};

}  // namespace pennypost::store
