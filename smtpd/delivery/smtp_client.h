// Speaks SMTP or LMTP with another server as its client: one session, and mail transactions in it.
//
// open() reads the greeting, says EHLO (or HELO), begins TLS and logs in as asked; deliver() is one
// mail transaction and may be called again. Commands go out in groups where the server takes
// PIPELINING. Each recipient gets its own reply; 421 ends the session. A server with our own name
// is this host, however we got there: the mail would loop.
//
// LMTP differs in three points: it begins with LHLO, for which there is no older form; after the
// message each accepted recipient gets a reply of its own, in the order of the RCPT commands; and
// the server may well have our own name. Its settings come from lmtp_ ones (lmtp_client_config()).
//
// If the server does not offer 8BITMIME, the message is converted (seven_bit.h); if it does not
// offer SMTPUTF8, the outcome is 5.6.7, unless nothing in the message needs it; a message larger
// than its SIZE limit is 5.3.4. If REQUIRETLS is to be enforced, a server without TLS or with
// another certificate is 5.7.10, one without REQUIRETLS 5.7.30: other servers may still have what
// it takes.
//
// A broken connection throws Disconnected; stage() says where. While may_be_taken() is true, the
// server may have accepted the message although its reply has not reached us. In LMTP that is so
// for the recipients that have no outcome yet; the others keep theirs.
//
// LIMITS  smtp_reply_length_limit, smtp_*_timeout for each answer as a whole, smtp_sasl_steps_max
// STANDARDS  RFC 5321 section 3.3, RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 1870 (SIZE),
//            RFC 6152 (8BITMIME), RFC 6531 (SMTPUTF8), RFC 3461 section 5 (DSN), RFC 3207
//            (STARTTLS), RFC 4954 (AUTH), RFC 8689 section 4.2.1 (REQUIRETLS)
// SEE ALSO   sender.h (which servers, in which order), smtp_login.cpp, smtp_prepare.cpp,
//            smtp_transaction.cpp, smtp_steps.cpp
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/secret.h"
#include "common/config/config.h"
#include "common/config/notify_classes.h"
#include "common/mail/address.h"
#include "common/net/connection.h"
#include "common/net/trace.h"
#include "common/session/transcript.h"
#include "smtpd/delivery/message_source.h"
#include "smtpd/delivery/messages.h"
#include "smtpd/delivery/smtp_reply.h"
#include "smtpd/delivery/targets.h"
#include "smtpd/delivery/tls_demand.h"

namespace pennypost {
class TlsStream;
}

namespace pennypost::smtp {

enum class Protocol { Smtp, Lmtp };

/// How many commands may be sent ahead of their replies.
inline constexpr std::size_t pipelined_commands_max = 100;
/// The largest message that is converted to 7 bit; it is held in memory.
inline constexpr std::size_t converted_bytes_max = 64 * 1024 * 1024;

/// The user to log in as; with an empty name there is no login.
class Login {
 public:
  std::string name;
  Secret password;
  /// From `login:password`.
  static Login parse(std::string_view text);
};

/// Whether TLS was as demanded. `kind`: a result-type of RFC 8460 section 4.3, or empty if it was.
struct TlsFinding {
  std::string kind;
  std::string reason;  // in words
};

/// One recipient of a transaction and its outcome.
class Slot {
 public:
  explicit Slot(const Recipient& of) : recipient(&of) {}
  const Recipient* recipient;
  /// Delivered and Bounce are final; after Retry the next host may be tried.
  std::optional<Outcome> outcome;

  bool is_open() const { return !outcome || outcome->kind == OutcomeKind::Retry; }
  void set(OutcomeKind kind, std::string status, std::string reason, std::string diagnostic = {});
};

class SmtpClient {
 public:
  SmtpClient(Loop& loop, Protocol protocol, std::shared_ptr<const Config> config,
             std::unique_ptr<Stream> stream, Target target, TlsDemand tls, Login login);

  /// Brings the session to the point where mail can be sent. Error: the server refused, or we
  /// refuse the server; permanent if it replied 5xx. Then the session can't be used.
  Task<Result<void>> open();
  /// Sends one message to the open slots; afterwards each has an outcome.
  Task<> deliver(const Envelope& envelope, MessageSource& source, std::vector<Slot*> slots);
  /// From now on a message goes to all recipients or to none: if one is refused at RCPT, deliver()
  /// gives the transaction up.
  void deliver_to_all_or_none() { needs_all_ = true; }
  /// Whether deliver() ends after RCPT: a recipient that the server takes is then Delivered.
  void set_probe(bool is_probe) { is_probe_ = is_probe; }
  /// Sends QUIT without waiting for the reply.
  Task<> quit();

  // The same command by command, for a server that is to answer in our place (smtp_steps.cpp). A
  // message is sent as it is. Errors: the address can't be sent to this server, or its reply is
  // none.

  /// XFORWARD if set, then MAIL; of the envelope all but recipients and content is used. `octets`:
  /// what the client says of the message's size.
  Task<Result<SmtpReply>> begin_mail(const Envelope& envelope, std::optional<std::uint64_t> octets);
  Task<Result<SmtpReply>> add_recipient(const Recipient& recipient, bool is_smtputf8);
  /// DATA; 354 is the positive reply.
  Task<Result<SmtpReply>> begin_content();
  Task<Result<SmtpReply>> send_content(MessageSource& source);
  /// Says QUIT if that is possible at once.
  void part();

  /// From now on an admin may watch the dialogue, without secrets and the message; `next_hop` is
  /// the domain whose mail it is.
  void set_traces(TraceDesk* desk, std::string next_hop);

  const Target& target() const { return target_; }
  /// Whether another message may be sent.
  bool is_usable() const { return !is_broken_; }
  bool is_secure() { return connection_.stream().is_secure(); }
  /// What the server's certificate is worth; nothing without TLS.
  std::optional<PeerTrust> trust() const { return trust_; }
  /// open() failed because the server has our own name.
  bool is_with_myself() const { return is_with_myself_; }
  /// What the session says in a report on TLS; nothing before it has come to that.
  const std::optional<TlsFinding>& tls_finding() const { return tls_finding_; }
  /// Whether the handshake failed, so that it makes sense to try in plain text.
  bool tls_failed() const { return tls_failed_; }
  /// open() failed because the server can't keep what REQUIRETLS promises.
  bool lacks_requiretls() const { return lacks_requiretls_; }
  bool may_be_taken() const { return may_be_taken_; }
  /// The dialogue so far, if notify_classes asks for errors that there were in it since the last
  /// call.
  std::optional<std::string> take_complaint();
  /// What the session was doing, for `lost connection with HOST while STAGE`.
  const std::string& stage() const { return stage_; }
  std::size_t messages() const { return messages_; }
  SteadyTime opened() const { return opened_; }

 private:
  struct Mail;
  Task<Result<SmtpReply>> reply(Duration timeout);
  Task<Result<SmtpReply>> ask(std::string line, Duration timeout, std::string stage,
                              std::string shown = {});
  Task<Result<void>> greet();
  Task<Result<void>> hello();
  Task<Result<void>> start_tls(bool is_implicit);
  Result<void> judge(TlsStream& stream);
  Error unfit(RequireTls least, EnhancedStatus status, const std::string& text);
  Result<void> check_requiretls();
  std::vector<std::string> login_mechanisms();
  Task<Result<void>> log_in();
  Task<Result<SmtpReply>> log_in_by(std::string mechanism, std::string stage);
  void send_line(std::string_view line);
  void send_secret(std::string_view line, std::string_view shown);
  void show(char side, std::string_view line);
  void note(ErrorClass which) { seen_.add(which); }
  void note_code(const SmtpReply& reply);
  Error refusal(const SmtpReply& reply, const char* what);
  Result<void> check_name(const SmtpReply& reply, const char* what);
  bool is_lmtp() const { return protocol_ == Protocol::Lmtp; }
  /// The component in log lines.
  const char* component() const { return is_lmtp() ? "lmtp" : "smtp"; }
  /// Empty for a Unix socket: it has no name that a report could give.
  std::string remote_mta() const { return target_.is_local() ? "" : target_.host; }
  void refuse(Slot& slot, const SmtpReply& reply, const char* command);
  void refuse_open(std::vector<Slot*>& slots, const Error& error);
  Task<Result<Mail>> prepare(const Envelope& envelope, MessageSource& source,
                             std::vector<Slot*> slots);
  Result<void> check_size(const MessageSource& message) const;
  std::string not_offered() const;
  void add_recipients(Mail& mail, const std::vector<Slot*>& slots);
  bool passes_requiretls(const Envelope& envelope) const;
  std::string mail_command(const Mail& mail, const MailAddress& sender) const;
  std::string rcpt_command(const Recipient& recipient, const MailAddress& address,
                           bool uses_smtputf8) const;
  Task<Result<void>> forward_origin(const Envelope& envelope);
  Task<Result<void>> transact(Mail& mail);
  void send_ahead(Mail& mail, std::size_t number);
  void take_mail_answer(Mail& mail, const SmtpReply& answer);
  void take_rcpt_answer(Mail& mail, Slot& slot, SmtpReply answer);
  Task<Result<bool>> begin_data(Mail& mail);
  Task<Result<void>> end_data(Mail& mail);
  void take_data_answer(Slot& slot, const SmtpReply& answer);
  Task<Result<void>> transmit(MessageSource& source);
  Task<Result<void>> reset();

  Loop& loop_;
  const Protocol protocol_;
  std::shared_ptr<const Config> config_;
  Target target_;
  TlsDemand tls_;
  Login login_;
  Connection connection_;
  PeerFeatures features_;
  const ErrorClasses notices_;              // of which postmaster is told
  std::unique_ptr<Transcript> transcript_;  // null: none of them is of a session
  ErrorClasses seen_;
  TraceDesk* traces_ = nullptr;  // null: nobody ever watches
  std::string next_hop_;
  bool needs_all_ = false;
  bool is_probe_ = false;
  bool is_broken_ = false;
  bool tls_failed_ = false;
  bool lacks_requiretls_ = false;
  std::optional<PeerTrust> trust_;
  std::optional<TlsFinding> tls_finding_;
  bool is_with_myself_ = false;
  bool may_be_taken_ = false;
  std::string stage_;
  std::size_t messages_ = 0;
  SteadyTime opened_;
};

}  // namespace pennypost::smtp
