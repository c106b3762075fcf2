// Asks the auth process who a client is: used by login and receive processes.
//
// One exchange is a series of steps with the same number: the first names the mechanism, and each
// answer either asks for another response or ends the exchange. A plaintext LOGIN or USER/PASS is
// PLAIN in one step. The answer to a failure comes after the delay that this client gets; the
// session only passes it on.
//
// Whom a client's certificate names only its session can say: where auth_ssl_username_from_cert is
// set, auth believes the processes that speak TLS.
//
// On success the session gets a token, by which the master knows the account for a minute; the
// session can't name an account itself.
//
// SEE ALSO   auth_process.h (who answers), handover.h (what the token is for)
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/async/remembered.h"
#include "common/config/config.h"
#include "common/net/stream.h"
#include "common/process/port.h"

namespace pennypost::store {

struct AuthAnswer {
  enum class Kind : std::uint8_t { Continue, Success, Failure, Temporary };
  friend constexpr Kind wire_last(Kind) { return Kind::Temporary; }
  Kind kind = Kind::Failure;
  std::string challenge;  // Continue, or the final message of a SCRAM success; not base64
  std::string login;      // Success: the name, in normal form: bob@example.org
  std::string token;      // Success: for the hand-over
  std::string reason;     // Failure, Temporary: for the log only
  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, challenge, login, token, reason);
  }
};

struct AuthStep {
  static constexpr std::uint16_t type = 40;
  using Reply = AuthAnswer;
  std::uint64_t exchange = 0;  // the same in each step; unique within the client process
  std::uint64_t process = 0;   // the client process, known from the link, not from the message
  bool is_first = true;
  std::string service;        // smtp, pop3, imap
  std::string mechanism;      // in the first step: PLAIN, LOGIN, SCRAM-SHA-256 …
  bool has_response = false;  // a first step may have none
  std::string response;       // decoded
  std::string client_address;
  std::string local_address;
  bool is_secure = false;
  std::string channel_binding;             // for …-PLUS: tls-exporter
  std::string external_identity;           // for EXTERNAL: whom the client's certificate names
  std::uint32_t failure_delay_ms = 0;      // the service's auth_failure_delay
  std::uint32_t failure_delay_max_ms = 0;  // and auth_failure_delay_max
  template <class Archive>
  void fields(Archive& archive) {
    archive(exchange, is_first, service, mechanism, has_response, response, client_address,
            local_address, is_secure, channel_binding, external_identity, failure_delay_ms,
            failure_delay_max_ms);
  }
};

/// The client went away in the middle of an exchange.
struct AuthAbort {
  static constexpr std::uint16_t type = 41;
  using Reply = Done;
  std::uint64_t exchange = 0;
  template <class Archive>
  void fields(Archive& archive) {
    archive(exchange);
  }
};

/// Asks whether SCRAM may be offered to everybody. Sent by login and receive processes, which can't
/// read credentials.
struct AskScram {
  static constexpr std::uint16_t type = 46;
  struct Answer {
    bool serves_all = false;
    template <class Archive>
    void fields(Archive& archive) {
      archive(serves_all);
    }
  };
  using Reply = Answer;
  template <class Archive>
  void fields(Archive&) {}
};

/// What a session needs from auth; tests have their own implementation.
class AuthPort {
 public:
  virtual ~AuthPort() = default;
  /// An Error (temporary) if auth can't be reached.
  virtual Task<Result<AuthAnswer>> step(AuthStep step) = 0;
  virtual void abort(std::uint64_t exchange) = 0;
  /// A number for a new exchange.
  virtual std::uint64_t next_exchange() = 0;
  /// Whether SCRAM works for everybody who may log in; the answer may be a second old. If auth does
  /// not answer, the last known answer, or false if there was none.
  virtual Task<bool> scram_serves_all() = 0;
};

/// The auth process behind a port.
class RemoteAuth final : public AuthPort {
 public:
  RemoteAuth(Loop& loop, Port& port);
  Task<Result<AuthAnswer>> step(AuthStep step) override;
  void abort(std::uint64_t exchange) override;
  std::uint64_t next_exchange() override { return ++last_; }
  Task<bool> scram_serves_all() override;

 private:
  Task<std::optional<bool>> ask_scram();
  Loop& loop_;
  Port& port_;
  Remembered<bool> scram_serves_all_;
  std::uint64_t last_ = 0;
};

/// One exchange of a session. If it is destroyed before the last answer, auth forgets the exchange
/// at once. While it waits for an answer it checks now and then whether the client is still
/// connected, and if not, lets auth drop the attempt.
class AuthExchange {
 public:
  AuthExchange(Loop& loop, AuthPort& port, Stream& client, const Settings& settings);
  AuthExchange(const AuthExchange&) = delete;
  AuthExchange& operator=(const AuthExchange&) = delete;
  ~AuthExchange();

  /// The answer to the next step; Temporary with a reason if auth does not answer within
  /// auth_timeout and the longest failure delay. Fills in the fields of `step` that belong to the
  /// exchange.
  Task<AuthAnswer> step(AuthStep step);

 private:
  void look_at_client();
  Loop& loop_;
  AuthPort& port_;
  Stream& client_;
  const Settings& settings_;
  std::uint64_t number_;
  bool is_begun_ = false;
  bool is_open_ = false;
  Duration look_interval_{};
  Timer look_;
};

/// For LOGIN and PASS: a PLAIN exchange with both in one response (RFC 4616).
AuthStep plain_step(const std::string& login, const std::string& password);

}  // namespace pennypost::store
