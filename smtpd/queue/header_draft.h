// Collects the edits of an incoming message until it is submitted to the queue.
//
// Filters, canonical maps, the fix-ups of submission and message_drop_headers change the header one
// after another; each sees the result of the steps before it. What was received is never rewritten:
// the draft keeps the edits, also those of lines of the body, and turns them into the pieces of the
// envelope.
//
// SEE ALSO   incoming_header.h (where a header ends), ../../common/mail/header.h (Edit)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/header.h"
#include "smtpd/queue/incoming_header.h"

namespace pennypost::smtp {

class HeaderDraft {
 public:
  /// `top`: complete fields that we add above the header. `received`: the received header, up to
  /// `end`; it must outlive the draft.
  HeaderDraft(std::string top, std::string_view received, const HeaderEnd& end);

  /// The message's own fields in their present state, without those added on top. Valid until the
  /// next edit.
  std::string_view text() const { return edits_.empty() ? received_ : std::string_view(edited_); }
  /// Changes text(); offsets are into it.
  void edit(const std::vector<Edit>& edits);

  /// Adds fields to the top, below those that are there already.
  void add_on_top(std::string_view fields) { top_ += fields; }

  /// All fields in their present state, including those added on top.
  std::string whole() const { return top_ + std::string(text()); }
  /// Changes whole(); offsets are into it.
  void edit_whole(const std::vector<Edit>& edits);

  /// Where the body begins in what was received.
  std::uint64_t body_offset() const { return end_.body_offset(); }
  /// Changes the body; offsets are into what was received, behind those of earlier calls.
  /// `line_ends`: how many of the received ones the edits take away.
  void edit_body(const std::vector<Edit>& edits, std::uint64_t line_ends);
  /// The body is written anew, behind the received header and an empty line.
  void forget_body();

  /// Whether text() differs from what was received.
  bool is_edited() const { return !edits_.empty(); }
  /// How many of the received message's `line_ends` are left after the edits.
  std::uint64_t line_ends_left(std::uint64_t line_ends) const;
  /// The message as pieces for its envelope. `bytes`: the size of the header and body received.
  std::vector<Piece> pieces(std::uint64_t bytes) const;

 private:
  std::string top_;
  std::string_view received_;
  HeaderEnd end_;
  std::vector<Edit> edits_;  // of received_
  std::vector<Edit> body_edits_;
  std::uint64_t body_line_ends_ = 0;  // that they take away
  std::string edited_;                // received_ with edits_ applied; empty if there are none
};

}  // namespace pennypost::smtp
