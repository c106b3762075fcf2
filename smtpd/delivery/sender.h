// Sends a message to those of its recipients that share a next hop, by SMTP or LMTP.
//
// The next hop's addresses are tried in turn until every recipient is delivered or refused for
// good: a host that can't be reached, breaks off or answers 4xx is followed by the next, up to
// smtp_mx_address_limit addresses and smtp_mx_session_limit sessions; then smtp_fallback_relay. A
// connection lost after the last byte ends the attempt, since the message may have got through. If
// opportunistic TLS fails, the same host is tried again in plain text, unless we would log in
// there: then the mail waits. A fallback relay must offer at least as much TLS as the mail's own
// next hop, and is sent no credentials but its own.
//
// While there is more mail for a next hop, its session is kept for connection_cache_ttl_limit and
// reused, for at most smtp_connection_reuse_count_limit messages and
// smtp_connection_reuse_time_limit.
//
// With REQUIRETLS a host that can't keep what it promises is passed over; if there is no other, the
// mail is returned. With TLS-Required: No, only smtp_tls_security_level counts, and no more of it
// than the level may (RFC 8689).
//
// A Unix socket is as private as the host itself: as in Postfix, TLS over it is not begun for the
// levels may and encrypt, only for fingerprint, verify and secure.
//
// SEE ALSO   smtp_client.h (the dialogue), targets.h (which addresses), tls_choice.h (which TLS)
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/async/nursery.h"
#include "common/config/config.h"
#include "common/dns/resolver.h"
#include "common/net/stream.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/delivery/smtp_client.h"
#include "smtpd/delivery/targets.h"
#include "smtpd/delivery/tls_choice.h"
#include "smtpd/queue/messages.h"
#include "smtpd/queue/tls_note.h"

namespace pennypost::smtp {

inline constexpr std::size_t cached_sessions_max = 100;
/// How many sessions' results may wait for DNS to say whether their domains want reports; those of
/// further sessions are not reported.
inline constexpr std::size_t results_asked_max = 200;

/// Opens connections: by TCP, to a Unix socket, or in memory for tests.
class Connector {
 public:
  virtual ~Connector() = default;
  /// Errors are temporary; their text is only the cause (`Connection refused`).
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Target target) = 0;
};

/// Only for targets that are not local.
class TcpConnector final : public Connector {
 public:
  TcpConnector(Loop& loop, const Config& config);
  Task<Result<std::unique_ptr<Stream>>> connect(Target target) override;

 private:
  Loop& loop_;
  Duration timeout_;
  std::optional<IpAddress> bind_v4_;
  std::optional<IpAddress> bind_v6_;
};

class Sender {
 public:
  /// `config`: for LMTP with the client's settings for that (common/config/lmtp_settings.h).
  Sender(Loop& loop, Protocol protocol, std::shared_ptr<const Config> config, Resolver& resolver,
         Connector& connector, ClientContexts tls);

  /// Returns an outcome for each of the envelope's recipients. `body` is the body's file, if there
  /// is one.
  Task<Attempt::Outcomes> send(Attempt attempt, Descriptor body);
  /// The same without a message: the dialogue ends after RCPT, and a recipient that the host takes
  /// is Delivered.
  Task<Attempt::Outcomes> probe(Attempt attempt);
  std::size_t active() const { return active_; }
  /// Who is told of sessions with errors for postmaster (notify_classes); nobody until it is
  /// called.
  void on_notice(std::function<void(const PostNotice&)> tell) { tell_ = std::move(tell); }
  /// Who is told how well TLS worked in each new session by SMTP; nobody until it is called.
  void on_session(std::function<void(const NoteTls&)> tell) { tell_tls_ = std::move(tell); }
  /// Who is told what a report to a domain that wants one has to say of a session
  /// (smtp_tlsrpt_enable); nobody until it is called.
  void on_result(std::function<void(const NoteTlsResult&)> tell) { tell_result_ = std::move(tell); }
  /// Through whom an admin may watch the sessions; nobody may until it is called.
  void set_traces(TraceDesk* desk) { traces_ = desk; }
  /// Ends the kept sessions.
  void close_sessions();

 private:
  struct Work;
  Task<Attempt::Outcomes> run(Attempt attempt, Descriptor body, bool is_probe);
  struct Kept {
    std::string key;
    std::unique_ptr<SmtpClient> client;
    SteadyTime end;
  };
  const char* component() const { return protocol_ == Protocol::Lmtp ? "lmtp" : "smtp"; }
  Result<NextHop> parse(const std::string& next_hop) const;
  std::string host_of(const std::string& next_hop) const;
  Error configuration_problem(const Work& work, const Error& error) const;
  Task<> over_kept_session(Work& work);
  Task<> over_hop(Work& work, NextHop hop);
  Task<> over_host(Work& work, Target target, bool with_tls);
  Task<> run_session(Work& work, bool& wants_plain);
  Task<> end_session(Work& work);
  void tell_postmaster(const Work& work, SmtpClient& client) const;
  void tell_tls(const Work& work) const;
  void tell_result(const Work& work, TlsResult result, const std::optional<TlsFinding>& finding);
  Task<> tell_if_wanted(NoteTlsResult note);
  Task<> say_quit(std::unique_ptr<SmtpClient> client);
  TlsChoice::Hop tls_hop(const Envelope& envelope, const FallbackHop& hop,
                         const StsPolicy& sts) const;
  Task<Result<TlsDemand>> tls_demand(const Work& work, Target target, TlsResult& result) const;
  Error loop_of(const Work& work) const;
  void lost(Work& work, const Disconnected& why);
  bool is_busy(const std::string& key) const;
  void keep(const std::string& key, std::unique_ptr<SmtpClient> client);
  std::unique_ptr<SmtpClient> take(const std::string& key);
  void drop(std::list<Kept>::iterator kept);
  void drop_expired();

  Loop& loop_;
  const Protocol protocol_;
  std::shared_ptr<const Config> config_;
  Resolver& resolver_;
  Connector& connector_;
  TlsChoice tls_;
  TargetSettings settings_;
  std::function<void(const PostNotice&)> tell_;
  std::function<void(const NoteTls&)> tell_tls_;
  std::function<void(const NoteTlsResult&)> tell_result_;
  TraceDesk* traces_ = nullptr;
  std::size_t active_ = 0;
  std::map<std::string, std::size_t> active_by_key_;
  std::map<std::string, SteadyTime> last_by_key_;
  std::list<Kept> kept_;  // in order of `end`
  Timer expiry_;
  Nursery quitting_;
  std::size_t results_asked_ = 0;
  Nursery asking_;
};

}  // namespace pennypost::smtp
