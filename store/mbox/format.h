// Parses and writes the lines of an mbox: From_ lines, quoting, and the metadata header fields.
//
//   mbox      = *( from-line header LF body LF )   a body ends with a line end, then an empty line
//   from-line = "From " sender SP asctime LF       local time, as Postfix and Dovecot write it
//
// Body lines that begin with any number of ">" and "From " are stored with one more ">" (mboxrd),
// so that reading restores them exactly. As in Dovecot, any From_ line with a valid date begins a
// message, also with UUCP's `remote from HOST` after it; an empty line before it belongs to neither
// message.
//
// These header fields are for mailbox programs only. They are never shown, and if arriving mail has
// them, they are renamed to X-Original-…:
//   X-IMAPbase: uidvalidity last-uid *keyword        only in the first message
//   X-UID: uid
//   Status: ["R"] ["O"]                              seen; no longer recent
//   X-Status: *( "A" / "F" / "T" / "D" )             answered, flagged, draft, deleted
//   X-Keywords: *keyword
// We pad them with blanks, so that they can be changed in place.
//
// STANDARDS  RFC 4155 (application/mbox), https://doc.dovecot.org mbox format
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "store/mailbox/body.h"
#include "store/mailbox/message.h"

namespace pennypost::store {

/// The date of a From_ line (without its LF) in seconds since 1970; nullopt if it is not one.
std::optional<std::int64_t> parse_from_line(std::string_view line);
/// With its LF. An empty sender is MAILER-DAEMON; blanks in it become dots.
std::string from_line(std::string_view sender, std::int64_t seconds);
/// Whether a stored line got a ">" when it was written.
bool is_quoted_from(std::string_view line);

enum class MboxField : std::uint8_t {
  None,
  BaseLine,
  UidLine,
  StatusLine,
  XStatusLine,
  KeywordsLine,
  LengthLine,
};
/// Which of our fields begins with this header line.
MboxField field_of(std::string_view line);

/// What the fields of one message say.
struct MboxMeta {
  std::optional<Uid> uid;
  Flags flags;
  bool old = false;  ///< not recent
  std::vector<std::string> keywords;

  /// Reads the value of one line of a field.
  void read(MboxField field, std::string_view value);
  /// The value of a field, without blanks around it.
  std::string value(MboxField field) const;
};

/// X-IMAPbase.
struct MboxBase {
  std::uint32_t uid_validity = 0;
  std::uint32_t last_uid = 0;
  std::vector<std::string> keywords;

  static std::optional<MboxBase> parse(std::string_view value);
  std::string value() const;
};

/// The lines of all fields, padded; X-IMAPbase where `base` is given.
std::string meta_lines(const MboxMeta& meta, const MboxBase* base);

/// Converts a message with LF line ends to its form in an mbox: quotes From_ lines, renames our
/// fields, completes the last line and adds the empty line after it.
class MboxQuoter {
 public:
  explicit MboxQuoter(BlockSink sink) : sink_(std::move(sink)) {}
  /// `before_body`, the fields of an appended message, is written before the header's empty line.
  MboxQuoter(BlockSink sink, std::string before_body)
      : sink_(std::move(sink)), before_body_(std::move(before_body)) {}

  Result<void> add(std::string_view block);
  Result<void> finish();

 private:
  void begin_line(char next);
  bool undecided() const;
  void decide();

  BlockSink sink_;
  std::string before_body_;
  std::string out_;
  std::string start_;        // of a line, while it may still be one of interest
  bool at_start_ = true;     // of a line, or in start_
  bool after_mark_ = false;  // start_ follows a ">" that is written already
  bool in_header_ = true;
};

}  // namespace pennypost::store
