// Speaks with one milter about one client: connection, negotiation, events, and its answers.
//
// The events come in the order of the SMTP dialogue: connect, helo, then for each message mail,
// rcpt, data, message. A message that came to no end is aborted when the next begins, or at helo.
// What a milter answers to connect or helo holds for the rest of the session, as in Sendmail: its
// refusal is returned for each further event, and after Accept nothing more is asked.
//
// A milter that can't be reached, breaks off, is silent beyond its time-out or breaks the protocol
// is logged and not asked again in this session; its default action answers in its place.
//
// STANDARDS  Postfix's MILTER_README; Sendmail's libmilter, protocol version 6
// LIMITS     milter_packet_bytes_max; milter_changes_max of one message; time: the settings'
//            time-out for each answer, and milter_patience times that for an event with all its
//            progress reports
// SEE ALSO   milters.h (all milters of a session), protocol.h (the packets)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/loop.h"
#include "common/config/milter_settings.h"
#include "common/net/connection.h"
#include "smtpd/milter/macros.h"
#include "smtpd/milter/message.h"
#include "smtpd/milter/protocol.h"

namespace pennypost::smtp {

inline constexpr std::size_t milter_changes_max = 1000;
/// How often progress reports may extend the time for one event.
inline constexpr int milter_patience = 10;
/// The largest header that a milter may make.
inline constexpr std::size_t milter_header_bytes_max = 1 << 20;

/// What comes of an event.
struct MilterAnswer {
  enum class Kind { Continue, Discard, Refuse };
  Kind kind = Kind::Continue;
  std::string reply;                // for Refuse: `550 5.7.1 text`, maybe of several lines (CRLF)
  std::optional<std::string> hold;  // why the message is to be held

  /// The reply as an Error, its lines separated by LF.
  Error refusal() const;
};

/// A client, as milters are told of it.
struct MilterClient {
  std::string name;     // or `unknown`
  std::string address;  // empty: not known
  std::uint16_t port = 0;
};

class Milter {
 public:
  /// Connects to this milter. Errors are temporary.
  using Connect = std::function<Task<Result<std::unique_ptr<Stream>>>()>;
  /// `component`: whose log lines its troubles are. `values` must outlive it.
  Milter(Loop& loop, MilterSettings settings, Connect connect, MilterMacros macros,
         const MilterMacroValues& values, std::string component);

  Task<MilterAnswer> connect(MilterClient client);
  Task<MilterAnswer> helo(std::string name);
  /// `words`: `<ann@example.net>`, then the ESMTP parameters.
  Task<MilterAnswer> mail(std::vector<std::string> words);
  Task<MilterAnswer> rcpt(std::vector<std::string> words);
  Task<MilterAnswer> data();
  Task<MilterAnswer> unknown(std::string line);
  /// Shows the message, and carries the milter's changes out.
  Task<MilterAnswer> message(MilteredMessage& message);
  /// The session is over.
  void quit();

  /// Whether it wants to hear of recipients that are refused.
  bool wants_refused() const {
    return (events_ & milter_events::rejected_rcpt) != 0 && connection_ != nullptr;
  }

 private:
  struct Step;
  void forget_message();
  Task<MilterAnswer> tell(const Step& step, std::string data, MilteredMessage* message = nullptr);
  Task<Result<MilterAnswer>> answer(const Step& step, MilteredMessage* message);
  Task<Result<MilterReply>> reply();
  MilterAnswer decide(const Step& step, const MilterReply& reply);
  Result<void> check(const MilterReply& change, const Step& step) const;
  Task<Result<void>> apply(const MilterReply& change, MilteredMessage& message);
  Task<Result<void>> replace_body(std::string_view piece, MilteredMessage& message);
  Task<Result<void>> end_body(MilteredMessage& message);
  Task<Result<void>> negotiate();
  Task<MilterAnswer> show_header(MilteredMessage& message);
  Task<MilterAnswer> show_body(MilteredMessage& message);
  Task<Result<std::string>> read_packet();
  MilterAnswer fail(const std::string& why);
  MilterAnswer standing() const;
  bool is_over(const MilterAnswer& answer) const;
  void set_time(std::chrono::seconds timeout);

  Loop& loop_;
  MilterSettings settings_;
  Connect connect_;
  MilterMacros macros_;
  const MilterMacroValues& values_;
  std::string component_;
  std::unique_ptr<Connection> connection_;  // null: nothing more is asked
  std::string input_;                       // that is no whole packet yet
  std::uint32_t actions_ = 0;               // negotiated
  std::uint32_t events_ = 0;                // negotiated
  std::uint32_t absent_ = 0;                // events that its version of the protocol lacks
  MilterAnswer standing_;                   // for the rest of the session
  std::optional<std::string> hold_;         // of this message
  bool accepts_message_ = false;            // nothing more is asked about this message
  bool needs_abort_ = false;                // a message was begun and is over for us
  bool is_in_message_ = false;
  std::optional<MilterEvent> skipped_;  // of this kind the milter wants no more
  std::size_t changes_ = 0;
  bool has_new_body_ = false;
  std::optional<Error> body_error_;  // why the new body can't be kept
  bool ends_in_cr_ = false;          // the new body so far, which is not written yet
  bool ends_in_newline_ = false;     // the new body so far
};

}  // namespace pennypost::smtp
