// Assembles commands from the bytes as they arrive: counts literals, keeps the limits, and leaves
// the messages of APPEND out of memory.
//
// A command is lines joined by literals (RFC 9051 section 2.2.1):
//
//   a1 LOGIN {3}<CRLF>        -> Continue: say "+", go on       (a "{3+}" goes on by itself)
//   ann {6}<CRLF>             -> Continue
//   secret<CRLF>              -> Complete: text() holds all of it, without the last CRLF
//   a2 APPEND INBOX {9000}    -> Message: text() is parsed; the caller takes 9000 bytes from the
//                                connection itself, calls message_taken(), and goes on with
//   <CRLF>                    -> Complete: text() holds what followed the message, "" or the
//                                description of the next one
//
// A command that exceeds a limit is refused: what the client has already sent of it is skipped,
// then comes Refused with error() and tag(). Abandon says that more would have to be skipped than
// we are willing to read. A line may end in LF alone, as with Dovecot.
//
// STANDARDS  RFC 9051 sections 2.2.1 and 4.3, RFC 7888 (LITERAL+, LITERAL-), RFC 3502 (several
// messages),
//            RFC 4469 (CATENATE)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "imapd/grammar/append.h"
#include "imapd/grammar/cursor.h"
#include "imapd/grammar/limits.h"

namespace pennypost::imap {

class CommandAssembler {
 public:
  enum class Event { NeedBytes, Continue, Message, Complete, Refused, Abandon };

  explicit CommandAssembler(const Limits& limits) : limits_(limits) {}

  /// LITERAL- (RFC 7888 section 5): from now on a literal that does not wait for our `+` may have
  /// 4096 bytes.
  void limit_unasked_literals() { unasked_bytes_max_ = 4096; }

  /// Takes bytes off the front of `input` until something is to be done. After Complete, Refused
  /// and Abandon it takes nothing more until reset().
  Event take(std::string_view& input);

  /// The command so far: lines joined by CRLF and literals.
  const std::string& text() const { return text_; }
  /// After Continue and Message: the literal that comes next.
  const LiteralHeader& literal() const { return *literal_; }
  /// After Refused: why; 501 for a line or syntax too long, 552 for a literal too big.
  const Error& error() const { return *error_; }
  /// The tag the command began with, `*` where none can be seen.
  std::string tag() const;

  /// After Message: its bytes were taken by the caller. Empties text().
  void message_taken();
  /// After Message or Continue: refuses the command. Unless the client waits for our `+`, its
  /// literal and all that follows is skipped; take() tells Refused when that is done.
  void refuse(Error why);
  /// Makes ready for the next command and gives back memory beyond a small buffer.
  void reset();
  /// True before the first byte of a command.
  bool is_idle() const {
    return state_ == State::Line && text_.empty() && tail_.empty() && !error_;
  }

 private:
  enum class State { Line, Literal, Skip, Done };

  Event end_of_line();
  Event take_line(std::string_view& input);
  Event begin_literal();
  Event finish(Event event);

  const Limits& limits_;
  std::uint64_t unasked_bytes_max_ = UINT64_MAX;
  std::string text_;
  // The end of a line that is being skipped: enough to recognise the header of a literal.
  std::string tail_;
  std::string refused_tag_;
  std::optional<LiteralHeader> literal_;
  std::optional<Error> error_;
  State state_ = State::Line;
  // What take() answers once the state is Done.
  Event outcome_ = Event::Complete;
  std::size_t line_start_ = 0;
  std::uint64_t literal_left_ = 0;
  std::uint64_t skipped_ = 0;
  std::size_t literals_ = 0;
  // A message of this command, or a part of one, was taken: text() no longer begins with the tag,
  // but here.
  std::optional<AppendPlace> continues_;
  // Where it goes on behind the literal that is announced.
  AppendPlace next_place_;
};

/// `tag` at the front of `text`, `*` where none is.
std::string tag_of(std::string_view text);

}  // namespace pennypost::imap
