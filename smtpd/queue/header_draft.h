// Collects what is done to an incoming message's header, step by step, until the queue gets it.
//
// Filters, canonical maps, the fix-ups of submission and message_drop_headers change the header one
// after another; each sees what the steps before made of it. The header itself is never rewritten:
// the draft holds edits of it, and gives the pieces that the envelope names.
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
  /// `top`: whole fields that we put above the header. `received`: the header as it came, up to
  /// `end`; it must outlive the draft.
  HeaderDraft(std::string top, std::string_view received, const HeaderEnd& end);

  /// The sender's fields as they are now, without ours on top. Valid until the next edit.
  std::string_view text() const { return edits_.empty() ? received_ : std::string_view(edited_); }
  /// Changes text(); offsets are into it.
  void edit(const std::vector<Edit>& edits);

  /// More fields of ours, below those that there are.
  void add_on_top(std::string_view fields) { top_ += fields; }

  /// All fields as they are now, ours on top included.
  std::string whole() const { return top_ + std::string(text()); }
  /// Changes whole(); offsets are into it.
  void edit_whole(const std::vector<Edit>& edits);

  /// Whether text() is no longer what was received.
  bool is_edited() const { return !edits_.empty(); }
  /// How many of the `line_ends` that the message came with are left.
  std::uint64_t line_ends_left(std::uint64_t line_ends) const;
  /// The message as its envelope names it; `bytes`: of header and body as they came.
  std::vector<Piece> pieces(std::uint64_t bytes) const;

 private:
  std::string top_;
  std::string_view received_;
  HeaderEnd end_;
  std::vector<Edit> edits_;  // of received_
  std::string edited_;       // received_ with edits_, where there are any
};

}  // namespace pennypost::smtp
